local helper = require("package_of.helper")

print(helper.greet())
