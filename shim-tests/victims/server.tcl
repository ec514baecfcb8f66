# Serves three connections by events, and runs a program for each.
after 60000 exit
set left 3
proc serve {conn host port} {
    global left
    fconfigure $conn -translation binary
    set response [lindex [gets $conn] 1]
    set bytes {}
    for {set at 0} {$at < $response} {incr at} { lappend bytes [expr {$at % 251}] }
    puts -nonewline $conn [binary format c* $bytes]
    puts "program: [exec echo done]"
    close $conn
    if {[incr left -1] == 0} { exit 7 }
}
set listener [socket -server serve -myaddr 127.0.0.1 0]
puts "port [lindex [fconfigure $listener -sockname] 2]"
flush stdout
vwait forever
