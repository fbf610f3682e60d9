-- One request over and over. Stops after REQUESTS answers, if that is set; complains of every answer that is not what
-- it should be, and prints all latencies, so that several runs can be put together.

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local file = io.open(os.getenv("BODY"))
wrk.body = file:read("*a")
file:close()

local requests = tonumber(os.getenv("REQUESTS") or "0")
local only_warm = os.getenv("ONLY_WARM") ~= nil
local answered = 0

function response(status, headers, body)
   answered = answered + 1
   local ok = status == 200 and body:find('"status":"ok"', 1, true)
   if not ok or (only_warm and not body:find('"claim":"warm"', 1, true)) then
      io.write("bad " .. status .. " " .. body .. "\n")
   end
   if answered == requests then
      wrk.thread:stop()
   end
end

function done(summary, latency, requests)
   for index = 1, #latency do
      local value, count = latency(index)
      io.write(string.format("latency %d %d\n", value, count))
   end
   io.write(string.format("total %d %d\n", summary.requests, summary.duration))
end
