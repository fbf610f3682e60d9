print(arg[0], ...)
