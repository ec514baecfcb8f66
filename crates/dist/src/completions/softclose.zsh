# The command and its arguments; _arguments leaves a `--` before them.
_softclose_command() {
    [[ $words[1] == -- ]] && { shift words; (( CURRENT-- )) }
    _normal
}
