
# Behind stat and explain comes a pid of a process with softclose.
complete -c softclosectl -n '__fish_seen_subcommand_from stat explain; and not __fish_seen_subcommand_from help' -f -a '(softclosectl ps 2>/dev/null | string replace -rf "^(\d+) .*" "\$1")'
