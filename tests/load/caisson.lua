-- What the scripts beside this one share: bodies from files, jobs drawn by weight, every answer looked at, one summary.
--
-- wrk gives each of its threads a Lua of its own and runs `setup` and `done` in one more, which reads the globals of the
-- threads when they have ended. An answer does not tell to which request it belongs, so it is taken for the first kind of
-- job that it fits.

local caisson = {}

local function content(file)
   local open = assert(io.open(file))
   local text = open:read("*a")
   open:close()
   return text
end

-- Of all threads, a table that each of them has as a global: sums by key.
local function sums(threads, name)
   local all = {}
   for _, thread in ipairs(threads) do
      for key, count in pairs(thread:get(name)) do
         all[key] = (all[key] or 0) + count
      end
   end
   return all
end

local function told(counts)
   local words = {}
   for key, count in pairs(counts) do
      words[#words + 1] = key .. ": " .. count
   end
   table.sort(words)
   return #words > 0 and table.concat(words, ", ") or "none"
end

-- Sends `jobs`, each { weight, job, says, path? }: the request in jobs/<job>.json, and a text that a right answer holds.
-- A key for the server is taken from CAISSON_KEY.
function caisson.send(here, jobs)
   local headers = { ["Content-Type"] = "application/json" }
   local key = os.getenv("CAISSON_KEY")
   if key then
      headers["Authorization"] = "Bearer " .. key
   end
   local total = 0
   for _, job in ipairs(jobs) do
      total = total + job.weight
      job.body = content(here .. "jobs/" .. job.job .. ".json")
   end

   local threads = {}

   function setup(thread)
      threads[#threads + 1] = thread
      thread:set("number", #threads)
   end

   function init()
      statuses, expected, wrong = {}, {}, {}
      math.randomseed(os.time() + number)
   end

   function request()
      local drawn = math.random() * total
      for index, job in ipairs(jobs) do
         drawn = drawn - job.weight
         if drawn < 0 or index == #jobs then
            return wrk.format("POST", job.path or "/v1/execute", headers, job.body)
         end
      end
   end

   function response(status, _, body)
      statuses[status] = (statuses[status] or 0) + 1
      if status ~= 200 then
         return
      end
      for _, job in ipairs(jobs) do
         if body:find(job.says, 1, true) then
            expected[job.job] = (expected[job.job] or 0) + 1
            return
         end
      end
      wrong[body] = (wrong[body] or 0) + 1
   end

   function done(summary, latency)
      local statuses, wrong = sums(threads, "statuses"), sums(threads, "wrong")
      local seconds = summary.duration / 1e6
      local ms = function(microseconds)
         return string.format("%.1f", microseconds / 1e3)
      end
      local failed = next(wrong) ~= nil
      for status in pairs(statuses) do
         failed = failed or status ~= 200
      end
      local errors = summary.errors
      local broken = errors.connect + errors.read + errors.write + errors.timeout
      print(string.format("answers      %d in %.1f s, %.1f per second", summary.requests, seconds, summary.requests / seconds))
      print("latency ms   p50 " .. ms(latency:percentile(50)) .. ", p90 " .. ms(latency:percentile(90))
         .. ", p99 " .. ms(latency:percentile(99)) .. ", max " .. ms(latency.max))
      print("by status    " .. told(statuses))
      print("as expected  " .. told(sums(threads, "expected")))
      print("unexpected   " .. told(wrong))
      print("broken       " .. broken .. " (connect, read, write, or no answer within --timeout)")
      os.exit((failed or broken > 0) and 1 or 0)
   end
end

return caisson
