-- As a judge is used: four in five are judged, in C++ or Python, with five cases each; the rest are runs, of which one in
-- four never ends. The same mix is in mix.json for `caisson bench --mix`.

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
package.path = here .. "?.lua;" .. package.path

require("caisson").send(here, {
   { weight = 40, job = "judge_cpp", path = "/v1/judge", says = '"verdict":"accepted"' },
   { weight = 40, job = "judge_python", path = "/v1/judge", says = '"verdict":"accepted"' },
   { weight = 15, job = "run_python", says = '"stdout":"4999950000\\n"' },
   { weight = 5, job = "endless_python", says = '"status":"time_limit_exceeded"' },
})
