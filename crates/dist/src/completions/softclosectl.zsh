(( $+functions[_softclosectl_pids] )) || _softclosectl_pids() {
    local -a pids
    pids=(${(f)"$(softclosectl ps 2>/dev/null | sed -n 's/^\([0-9]*\) .*/\1/p')"})
    compadd -a pids
}
