# Completion for Mayfly's tools in fish, from each tool's own --help.

for tool in cfgrender envwatch kvwatch svcregister
    for line in ($tool --help 2>/dev/null)
        set -l match (string match -r '^  (-.,|   ) --([a-z-]+) ?([^ ]*) +(.*)$' -- $line)
        or continue
        set -l option -c $tool -l $match[3] -d $match[5]
        string match -q -- '-*' $match[2]; and set -a option -s (string sub -s 2 -l 1 -- $match[2])
        switch "$match[4]"
            case ''
            case FILE JSON
                set -a option -r -F
            case DIR
                set -a option -x -a '(__fish_complete_directories)'
            case CHECK
                set -a option -x -a 'tcp http:/ https:/ exec:'
            case '*'
                set -l words
                string match -qr '^[a-z]+\|' -- $match[4]; and set words (string split '|' -- $match[4])
                set -a option -x -a "$words"
        end
        complete $option
    end
end
complete -c svcregister -n __fish_use_subcommand -x -a 'register deregister list dir docker'

# The words of mayfly's commands, and the options of the command that stands there.
function __mayfly_words
    set -l words (commandline -opc)
    mayfly __complete $words[2..] 2>/dev/null
end
function __mayfly_options
    set -l words (commandline -opc)
    mayfly help $words[2..] 2>/dev/null | string replace -rf '^  (?:-.,|   ) (--[a-z-]+)(?: [^ ]+)? +(.*)$' '$1\t$2'
end
complete -c mayfly -f -a '(__mayfly_words)'
complete -c mayfly -f -n 'string match -q -- "-*" (commandline -ct)' -a '(__mayfly_options)'
