from package.helper import greet

print(greet())
