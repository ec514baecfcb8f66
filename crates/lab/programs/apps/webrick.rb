# WEBrick, with a servlet that refuses uploads by their size: webrick.rb PORT DIRECTORY.
require "webrick"

LARGEST_UPLOAD = 1 << 20

server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: Integer(ARGV[0]), DocumentRoot: ARGV[1])
server.mount_proc("/reject") do |request, _response|
  raise WEBrick::HTTPStatus::RequestEntityTooLarge if request.content_length > LARGEST_UPLOAD
end
%w[TERM INT].each { |signal| trap(signal) { server.shutdown } }
server.start
