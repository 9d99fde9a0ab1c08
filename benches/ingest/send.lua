-- Sends the requests of a file, each once: thread `n` of `m` takes every m-th. Prints one line of JSON.
local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  requests, next_one, used_up, refused = {}, 0, 0, 0
  local file, of, index = io.open(args[1], "rb"), tonumber(args[2]), 0
  while true do
    local length = file:read("*l")
    if not length then break end
    local request = file:read(tonumber(length))
    if index % of == number then table.insert(requests, request) end
    index = index + 1
  end
  file:close()
end

function request()
  next_one = next_one + 1
  -- A repeat is cheaper than a new event, so a run that uses up its file is not valid.
  if next_one > #requests then
    next_one, used_up = 1, 1
  end
  return requests[next_one]
end

function response(status)
  if status ~= 202 then refused = refused + 1 end
end

function done(summary, latency)
  local refused_, used_up_ = 0, 0
  for _, thread in ipairs(threads) do
    refused_ = refused_ + thread:get("refused")
    used_up_ = used_up_ + thread:get("used_up")
  end
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"refused":%d,"failed":%d,"used_up":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, refused_,
    errors.connect + errors.read + errors.write + errors.timeout, used_up_))
end
