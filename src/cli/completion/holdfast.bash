# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
# bash completion for holdfast(1). What can be completed is asked from the program itself.

# bash makes three words of --root=DIR.
_holdfast_global() {
  local i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --root)
        [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
        root=(--root "${COMP_WORDS[i + 1]:-}")
        ((i++))
        ;;
      --root=*) root=("${COMP_WORDS[i]}") ;;
      --runtime | --format)
        [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
        ((i++))
        ;;
      -*) ;;
      *) command=${COMP_WORDS[i]} && return ;;
    esac
  done
}

_holdfast_options() {
  "$program" ${1:+"$1"} --help 2>/dev/null | sed -n 's/^ *\(-., \)\{0,1\}\(--[a-z-]*\).*/\2/p'
}

_holdfast_commands() {
  "$program" --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'
}

_holdfast() {
  local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} command='' words
  local previous=${COMP_WORDS[COMP_CWORD - 1]} root=()
  [[ $previous == = ]] && previous=${COMP_WORDS[COMP_CWORD - 2]}
  [[ $current == = ]] && current=''
  _holdfast_global
  case $previous in
    --format) words='table json' ;;
    --stream) words='stdout stderr' ;;
    -b | --bundle | --root | --directory | -w | --workdir)
      mapfile -t COMPREPLY < <(compgen -d -- "$current")
      return
      ;;
  esac
  if [[ -z ${words-} ]]; then
    case $current in
      -*) words=$(_holdfast_options "$command") ;;
      *)
        if [[ -z $command ]]; then
          words=$(_holdfast_commands)
        else
          words=$("$program" "${root[@]}" list --quiet 2>/dev/null)
        fi
        ;;
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _holdfast holdfast
