print("after you")
