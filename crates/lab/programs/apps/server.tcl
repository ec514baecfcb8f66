# A server of files on Tcl's sockets: server.tcl PORT DIRECTORY.
set LARGEST_UPLOAD [expr {1 << 20}]
lassign $argv port directory

proc accept {client address port} {
    fconfigure $client -translation {auto crlf} -blocking 0
    fileevent $client readable [list read_head $client "" 0]
}

proc read_head {client path length} {
    while {[gets $client line] >= 0} {
        if {$line eq ""} {
            fileevent $client readable {}
            return [serve $client $path $length]
        }
        regexp {^[A-Z]+ (\S+)} $line - path
        regexp -nocase {^content-length: *(\d+)} $line - length
    }
    if {[eof $client]} { return [close $client] }
    fileevent $client readable [list read_head $client $path $length]
}

proc serve {client path length} {
    set name [file join $::directory [file tail $path]]
    if {$length > $::LARGEST_UPLOAD} {
        refuse $client "413 Content Too Large"
    } elseif {![file isfile $name]} {
        refuse $client "404 Not Found"
    } else {
        head $client "200 OK" [file size $name]
        set file [open $name rb]
        fconfigure $client -translation binary
        fcopy $file $client -command [list done $file $client]
    }
}

proc head {client status length} {
    puts $client "HTTP/1.1 $status\nConnection: close\nContent-Length: $length\n"
    flush $client
}

proc refuse {client status} {
    head $client $status [string length "$status\r\n"]
    puts $client $status
    close $client
}

proc done {file client count {error ""}} {
    close $file
    close $client
}

socket -server accept -myaddr 127.0.0.1 $port
vwait forever
