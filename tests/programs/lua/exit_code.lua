io.stderr:write("oops\n")
os.exit(3)
