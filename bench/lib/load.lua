-- What wrk sends. Each line of a file is a header field that makes one request different from the
-- others (a cookie, mostly); the requests take turns. Arguments, after the URL: the file, where in
-- it to begin, the method, the body.

local requests, at = {}, 0

function init(args)
   local method, body = args[3] or "GET", args[4]
   for line in io.lines(args[1]) do
      local headers = {}
      for name, value in pairs(wrk.headers) do headers[name] = value end
      for name, value in line:gmatch("([^:\t]+): ([^\t]*)") do headers[name] = value end
      requests[#requests + 1] = wrk.format(method, nil, headers, body)
   end
   at = tonumber(args[2]) % #requests
end

function request()
   at = at % #requests + 1
   return requests[at]
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      "\nresult requests=%d duration=%d bytes=%d refused=%d broken=%d p50=%d p99=%d\n",
      summary.requests, summary.duration, summary.bytes, errors.status,
      errors.connect + errors.read + errors.write + errors.timeout,
      latency:percentile(50), latency:percentile(99)))
end
