# fish completion for softclose(1): options, then a command and its arguments.
function __softclose_has_no_command
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $skip = yes
            set skip no
            continue
        end
        switch $word
            case --
                return 1
            case @VALUED@
                set skip yes
            case '-*'
            case '*'
                return 1
        end
    end
end

complete -c softclose -f
complete -c softclose -a '(__fish_complete_subcommand -- @VALUED@)'
@OPTIONS@
