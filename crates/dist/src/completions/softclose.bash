# bash completion for softclose(1): options, then a command and its arguments.
_softclose() {
    # shellcheck disable=SC2034 # _init_completion sets them all.
    local cur prev words cword i option
    _init_completion -n = || return
    # Not `words`: _command_offset counts in COMP_WORDS, where `=` is a word.
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --)
                _command_offset $((i + 1))
                return
                ;;
            @VALUED@)
                option=${COMP_WORDS[i]}
                [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
                ((i++))
                ;;
            -*) ;;
            *)
                _command_offset "$i"
                return
                ;;
        esac
    done
    # Beyond: the word belongs to the option before it.
    if ((i > COMP_CWORD)); then
        [[ $cur == "$option="* ]] && cur=${cur#*=}
        case $option in
@VALUES@
        esac
    elif [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '@ALL@' -- "$cur")
    else
        _command_offset "$COMP_CWORD"
    fi
} && complete -F _softclose softclose
