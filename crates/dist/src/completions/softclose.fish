# fish completion for softclose(1): options, then a command and its arguments.

# The words of the command that are complete, one a line; fails where options are.
function __softclose_command
    set -l words (commandline -opc)[2..]
    while set -q words[1]
        switch $words[1]
            case --
                string join \n -- $words[2..]
                return 0
            case @VALUED@
                set -e words[1]
            case '-*'
            case '*'
                string join \n -- $words
                return 0
        end
        set -e words[1]
    end
    return 1
end

function __softclose_complete_command
    set -l words (string escape -- (__softclose_command)) (commandline -ct)
    complete --do-complete="$words"
end

complete -c softclose -f
complete -c softclose -a '(__softclose_complete_command)'
@OPTIONS@
