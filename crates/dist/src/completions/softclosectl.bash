
# Behind stat and explain comes a pid of a process with softclose. clap offers the options there.
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
}
complete -F _softclosectl_or_pids softclosectl
