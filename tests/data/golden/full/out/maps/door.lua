-- Written by Mayfly, which overwrites changes made here: rules of the door that HAProxy has no words for.

-- The parts of text between separators; none of an empty one.
local function split(text)
  local list = {}
  for part in text:gmatch("[^,]+") do list[#list + 1] = part end
  return list
end

-- What an environment says: service|path|timeout|remember|pass,pass|set,set.
local rules, rule_count = {}, 0
local function rule_of(text)
  local rule = rules[text]
  if rule then return rule end
  local service, path, timeout, remember, pass, set = text:match("^([^|]*)|([^|]*)|(%d+)|(%d+)|([^|]*)|([^|]*)$")
  rule = {
    url = "http://" .. service .. ".svc.test" .. path,
    timeout = tonumber(timeout), remember = tonumber(remember) / 1000,
    pass = split(pass), set = split(set), is_set = {},
  }
  for _, name in ipairs(rule.set) do rule.is_set[name] = true end
  if rule_count == 1000 then rules, rule_count = {}, 0 end
  rules[text], rule_count = rule, rule_count + 1
  return rule
end

-- Its 200s: the newest, and those of before; until when, and the headers that they set.
local newest, older, newest_count = {}, {}, 0

local function now()
  local time = core.now()
  return time.sec + time.usec / 1000000
end

local function recall(key)
  local answer = newest[key] or older[key]
  if answer and answer.ends > now() then return answer.set end
end

local function remember(key, set, seconds)
  if #key > 4096 then return end
  if newest_count >= 4096 then newest, older, newest_count = {}, newest, 0 end
  newest[key] = { set = set, ends = now() + seconds }
  newest_count = newest_count + 1
end

-- Some services read any other character of a header's name as they read `-`.
local function drop_forged(txn, headers, rule)
  for name in pairs(headers) do
    if rule.is_set[name:gsub("[^a-z0-9]", "-")] then txn.http:req_del_header(name) end
  end
end

local function let_in(txn, set)
  for _, header in ipairs(set) do txn.http:req_add_header(header[1], header[2]) end
  txn:set_var("txn.auth_ok", 1)
end

-- Values of a header are numbered from 0.
local function each(headers, name, call)
  local values, i = headers[name], 0
  while values and values[i] do
    call(values[i])
    i = i + 1
  end
end

-- What it is shown, and all of that in one text.
local function question(txn, headers, rule)
  local tls = txn.f:ssl_fc()
  local shown = {
    ["x-mayfly"] = { txn:get_var("txn.auth_as") or "" },
    ["x-mayfly-timeout"] = { tostring(rule.timeout) },
    ["x-forwarded-method"] = { txn.f:method() or "" },
    ["x-forwarded-proto"] = { (tls == 1 or tls == true) and "https" or "http" },
    ["x-forwarded-host"] = { txn.f:req_hdr("host") or "" },
    ["x-forwarded-uri"] = { txn.f:pathq() or "" },
    ["x-forwarded-for"] = { txn.f:src() or "" },
  }
  local parts = {
    txn:get_var("txn.auth"), txn:get_var("txn.generation"), shown["x-forwarded-method"][1], shown["x-forwarded-proto"][1],
    shown["x-forwarded-host"][1], shown["x-forwarded-uri"][1], shown["x-forwarded-for"][1],
  }
  for _, name in ipairs(rule.pass) do
    local values = {}
    each(headers, name, function(value)
      values[#values + 1] = value
      parts[#parts + 1] = name .. ":" .. value
    end)
    if #values > 0 then shown[name] = values end
  end
  return shown, table.concat(parts, "\n")
end

-- What is of one connection, and what the reply says itself.
local own = {
  connection = true, ["content-length"] = true, ["keep-alive"] = true, ["proxy-connection"] = true,
  te = true, trailer = true, ["transfer-encoding"] = true, upgrade = true,
}

local function refuse(txn, response)
  local reply = txn:reply()
  reply:set_status(response.status)
  for name in pairs(response.headers) do
    if not own[name] then each(response.headers, name, function(value) reply:add_header(name, value) end) end
  end
  if txn.f:method() ~= "HEAD" then reply:set_body(response.body or "") end
  txn:done(reply)
end

local function accept(txn, response, rule, key)
  local set, cookies = {}, 0
  for _, name in ipairs(rule.set) do
    each(response.headers, name, function(value) set[#set + 1] = { name, value } end)
  end
  each(response.headers, "set-cookie", function(value)
    cookies = cookies + 1
    if cookies <= 4 then txn:set_var("txn.auth_cookie" .. cookies, value) end
  end)
  if rule.remember > 0 and cookies == 0 then remember(key, set, rule.remember) end
  let_in(txn, set)
end

-- HAProxy itself answers where the service does not; then nothing is set, and the request ends.
core.register_action("mayfly_auth", { "http-req" }, function(txn)
  local rule = rule_of(txn:get_var("txn.auth"))
  local headers = txn.http:req_get_headers()
  drop_forged(txn, headers, rule)
  if txn:get_var("txn.auth_not") then return let_in(txn, {}) end
  local shown, key = question(txn, headers, rule)
  local set = rule.remember > 0 and recall(key)
  if set then return let_in(txn, set) end
  local response = core.httpclient():get{
    url = rule.url, dst = "abns@/srv/lb/admin.sock-ask", headers = shown, timeout = rule.timeout + 1000,
  }
  if not response or not response.headers or response.status < 200 or response.headers["x-mayfly-error"] then return end
  if response.status == 200 then return accept(txn, response, rule, key) end
  refuse(txn, response)
end)
