local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
package.path = here .. "?.lua;" .. package.path

require("caisson").send(here, { { weight = 1, job = "bash", says = '"stdout":"hello\\n"' } })
