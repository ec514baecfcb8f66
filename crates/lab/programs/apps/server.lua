-- A server of files on LuaSocket: server.lua PORT DIRECTORY.
local socket = require "socket"

local LARGEST_UPLOAD = 1048576
local port, directory = arg[1], arg[2]

local function read_head(client)
    local path, length = nil, 0
    for line in function() return client:receive "*l" end do
        if line == "" then return path, length end
        path = path or line:match "^%u+ (%S+)"
        length = tonumber(line:lower():match "^content%-length: *(%d+)") or length
    end
end

local function answer(client, status, body)
    client:send(("HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"):format(status, #body))
    client:send(body)
end

local function serve(client)
    local path, length = read_head(client)
    if not path then return end
    if length > LARGEST_UPLOAD then return answer(client, "413 Content Too Large", "too large\n") end
    local file = io.open(directory .. "/" .. path:match "[^/]*$", "rb")
    if not file then return answer(client, "404 Not Found", "not found\n") end
    answer(client, "200 OK", file:read "a")
    file:close()
end

local server = assert(socket.bind("127.0.0.1", port, 128))
while true do
    local client = assert(server:accept())
    client:settimeout(10)
    serve(client)
    client:close()
end
