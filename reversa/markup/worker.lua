-- Reads texts and answers with their document trees: what reversa/markup/pandoc.py talks to.
io.stdin:setvbuf("full")
local function answer(word, text, log)
  io.stdout:write(word, " ", #text, " ", #log, "\n", text, log)
  io.stdout:flush()
end
for header in io.lines() do
  local format, length = header:match("^(%S+) (%d+)$")
  length = tonumber(length)
  local text = length > 0 and io.read(length) or ""  -- reading nothing would wait for something
  local log = {}
  local done, made = pcall(function()
    local messages, tree = pandoc.log.silence(pandoc.read, text, format, nil, {})  -- {}: no file of this machine can be read
    log = messages
    return pandoc.write(tree, "json")
  end)
  answer(done and "ok" or "err", done and made or tostring(made), pandoc.json.encode(log))
end
