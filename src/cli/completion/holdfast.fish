# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
# fish completion for holdfast(1). What can be completed is asked from the program itself.

function __holdfast_words
    commandline -opc
end

function __holdfast_command
    set -l words (__holdfast_words)
    set -l i 2
    while test $i -le (count $words)
        switch $words[$i]
            case --root --runtime --format
                set i (math $i + 1)
            case '-*'
            case '*'
                echo $words[$i]
                return 0
        end
        set i (math $i + 1)
    end
    return 1
end

function __holdfast_commands
    holdfast --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\)  *\(.*\)/\1\t\2/p'
end

function __holdfast_options
    holdfast (__holdfast_command) --help 2>/dev/null | sed -n 's/^ *\(-., \)\{0,1\}\(--[a-z-]*\).*/\2/p'
end

function __holdfast_ids
    set -l root
    set -l words (__holdfast_words)
    for i in (seq (count $words))
        switch $words[$i]
            case '--root=*'
                set root $words[$i]
            case --root
                set root --root $words[(math $i + 1)]
        end
    end
    holdfast $root list --quiet 2>/dev/null
end

# The values of the option before the word; fails if there is none that has some.
function __holdfast_values
    set -l words (__holdfast_words)
    switch $words[-1]
        case --format
            printf '%s\n' table json
        case --stream
            printf '%s\n' stdout stderr
        case -b --bundle --root --directory -w --workdir
            __fish_complete_directories (commandline -ct)
        case '*'
            return 1
    end
end

function __holdfast_wants
    __holdfast_values >/dev/null
    and return 1
    switch $argv[1]
        case command
            not __holdfast_command >/dev/null
        case id
            __holdfast_command >/dev/null
    end
end

complete -c holdfast -f
complete -c holdfast -n '__holdfast_values >/dev/null' -a '(__holdfast_values)'
complete -c holdfast -n '__holdfast_wants command' -a '(__holdfast_commands)'
complete -c holdfast -n '__holdfast_wants id' -a '(__holdfast_ids)'
complete -c holdfast -n 'string match -q -- "-*" (commandline -ct)' -a '(__holdfast_options)'
