
# Behind stat and explain comes a pid of a process with softclose. clap offers the options there, and
# before the commands: an option is offered where one was begun, or nothing else can come.
_softclosectl_or_pids() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    case " ${COMP_WORDS[*]:1:COMP_CWORD-1} " in
        *" stat "* | *" explain "*)
            if [[ $cur != -* && $prev != --dir ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$(softclosectl ps 2>/dev/null | sed -n 's/^\([0-9]*\) .*/\1/p')" -- "$cur")
                return 0
            fi
            ;;
    esac
    _softclosectl "$@"
    [[ $cur != -* ]] || return 0
    local word words=()
    for word in "${COMPREPLY[@]}"; do
        [[ $word == -* ]] || words+=("$word")
    done
    [[ ${#words[@]} -eq 0 ]] || COMPREPLY=("${words[@]}")
}
complete -F _softclosectl_or_pids softclosectl
