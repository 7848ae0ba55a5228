-- Unique Telegram updates of about 350 bytes, one in ten sent twice; for wrk.
--   wrk … -s updates.lua URL -- SECRET FIRST_ID [OLD_FIRST OLD_COUNT]
-- With an old range, duplicates are drawn from it instead of from the updates sent just now.
-- Only one number is formatted for each request, so that the generator costs little beside what it measures.
local thread_count = 0

function setup(thread)
   thread:set("number", thread_count)
   thread_count = thread_count + 1
end

local template = ',"message":{"message_id":4711,"from":{"id":%d,"is_bot":false,"first_name":"Анна",' ..
   '"username":"anna%d","language_code":"ru"},"chat":{"id":%d,"first_name":"Анна","username":"anna%d",' ..
   '"type":"private"},"date":1790000000,"text":"Нарисуй рыжего кота в шляпе, акварель"}}'
local chats = 8192
local tails = {}
local head, first, old_first, old_count
local sent = 0

function init(arguments)
   first = tonumber(arguments[2]) + number * 10000000
   old_first, old_count = tonumber(arguments[3]), tonumber(arguments[4])
   local length
   for index = 0, chats - 1 do
      local chat = 700000000 + index * 7919
      tails[index] = string.format(template, chat, chat, chat, chat)
      length = #'{"update_id":' + 10 + #tails[index]
   end
   head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] ..
      "\r\nContent-Type: application/json\r\nX-Telegram-Bot-Api-Secret-Token: " .. arguments[1] ..
      "\r\nContent-Length: " .. length .. '\r\n\r\n{"update_id":'
end

function request()
   sent = sent + 1
   local id = first + sent
   if sent % 10 == 0 then
      -- Late enough that the first one has been answered.
      id = old_first and old_first + (sent * 2654435761) % old_count or first + math.max(sent - 5001, 1)
   end
   return head .. id .. tails[id % chats]
end
