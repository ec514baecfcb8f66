# A Rack application: the files of a directory, and uploads refused by their size.
require "rack"

LARGEST_UPLOAD = 1 << 20

files = Rack::Files.new(ENV.fetch("WWW"))
run lambda { |env|
  next files.call(env) if env["CONTENT_LENGTH"].to_i <= LARGEST_UPLOAD

  [413, { "Content-Type" => "text/plain", "Content-Length" => "10" }, ["too large\n"]]
}
