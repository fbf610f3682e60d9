# tries: to have the next case run what it leaves: modules that every program imports, and files read at the start
# via: judge
# status: accepted,accepted,accepted
import os, site, sys

planted = [name for name in ("planted_mark",) if name in vars(sys)]
print("; ".join(planted) or "held")
code = "import sys\nsys.planted_mark = True\n"
places = ["/work", "/tmp", "/dev/shm", site.getusersitepackages(), os.path.expanduser("~"), *sys.path]
for place in places:
    for name in ("sitecustomize.py", "usercustomize.py", "os.py", "site.py", "mark.pth", "encodings.py", "__pycache__/os.pyc"):
        try:
            os.makedirs(os.path.dirname(os.path.join(place, name)), exist_ok=True)
            with open(os.path.join(place, name), "w") as file:
                file.write(code)
        except OSError:
            pass
