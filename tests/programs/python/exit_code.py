import sys
sys.stderr.write("oops\n")
sys.exit(3)
