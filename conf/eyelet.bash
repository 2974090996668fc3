# eyelet.bash: completion of eyelet's admin programs in bash. What there is to
# complete the programs say themselves (--complete prints their tables).
# shellcheck shell=bash

# Each name there is, one a line: _eyelet_names NOUN [NAME]
_eyelet_names() {
	local noun=$1 folder=''
	[[ ${COMP_WORDS[0]} == */* ]] && folder=${COMP_WORDS[0]%/*}/
	case $noun in
	destination | endpoint)
		"${folder}eyelet-$noun" "${config[@]}" list --json |
		    sed -n "s/^{\"$noun\":\"\([A-Za-z0-9_-]*\)\".*/\1/p"
		;;
	scheme)
		"${folder}eyelet-scheme" "${config[@]}" list --json |
		    sed -n 's/^{"name":"\([A-Za-z0-9._-]*\)".*/\1/p'
		;;
	secret)
		"${folder}eyelet-secret" "${config[@]}" show "$2" --json \
		    ${owner:+"--$owner"} |
		    grep -o '"secret":"sec_[0-9]*"' | cut -d '"' -f 4
		;;
	esac 2>/dev/null
}

# What may stand for VALUE, of an option or an operand.
_eyelet_value() {
	local program=${COMP_WORDS[0]##*/} name=$1 value=$2

	case $name:$value in
	*:@FILE)
		compopt -o filenames 2>/dev/null
		if [[ $at == *@ ]]; then
			compgen -f -- "$cur"
		elif [[ $cur == @* ]]; then
			compgen -P @ -f -- "${cur#@}"
		else
			compopt -o nospace 2>/dev/null
			compgen -W @ -- "$cur"
		fi
		;;
	*:*FILE* | *:DIR | *:PATH)
		compopt -o filenames 2>/dev/null
		compgen -f -- "$cur"
		;;
	--endpoint:* | --endpoints:*)
		compgen -W "$(_eyelet_names endpoint)" -- "$cur"
		;;
	--destination:*)
		compgen -W "$(_eyelet_names destination)" -- "$cur"
		;;
	--scheme:* | --sign:*)
		compgen -W "$(_eyelet_names scheme)" -- "$cur"
		;;
	--status:*)
		case $verb in
		list)
			compgen -W 'accepted dead delivered dropped held parked
			    pending released retrying test' -- "$cur"
			;;
		export)
			compgen -W 'accepted dropped held released test' \
			    -- "$cur"
			;;
		retry) compgen -W 'dead parked retrying' -- "$cur" ;;
		*) compgen -W 'accepted test' -- "$cur" ;;
		esac
		;;
	--reason:*)
		compgen -W 'damaged exhausted expired rejected removed
		    skipped type\\\ unknown unsignable' -- "$cur"
		;;
	--user:*) compgen -u -- "$cur" ;;
	add:*) ;; # a new name
	help:VERB)
		compgen -W "$(cut -f 1 <<<"$tables" | grep -v ' ')" -- "$cur"
		;;
	[a-z]*:NAME)
		case $program in
		eyelet-scheme)
			compgen -W "$(_eyelet_names scheme)" -- "$cur"
			;;
		eyelet-destination)
			compgen -W "$(_eyelet_names destination)" -- "$cur"
			;;
		*)
			compgen -W "$(_eyelet_names "${owner:-endpoint}")" \
			    -- "$cur"
			;;
		esac
		;;
	[a-z]*:SECRET)
		compgen -W "$(_eyelet_names secret "${operands[0]}")" -- "$cur"
		;;
	*:*\|*) compgen -W "${value//|/ }" -- "$cur" ;;
	esac
}

# Is this an option that takes a value? Prints what.
_eyelet_takes() {
	sed -n "s/^$verb $1	\\(..*\\)/\\1/p" <<<"$tables"
}

_eyelet() {
	local cur=${COMP_WORDS[COMP_CWORD]} verb='' word wanted i tables at='' owner=''
	local -a config=() operands=() rest

	COMPREPLY=()
	tables=$("${COMP_WORDS[0]}" --complete 2>/dev/null) || return 0
	[[ $cur == = || $cur == @ || $cur == =@ ]] && cur=
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ -z $verb && $word == -c ]]; then
			if ((i + 1 == COMP_CWORD)); then
				compopt -o filenames 2>/dev/null
				mapfile -t COMPREPLY < <(compgen -f -- "$cur")
				return 0
			fi
			config=(-c "${COMP_WORDS[++i]}")
		elif [[ -z $verb && $word != -* ]]; then
			verb=$word
		elif [[ -n $verb && $word == --* ]]; then
			wanted=$(_eyelet_takes "$word")
			if [[ -z $wanted ]]; then
				[[ $word == --destination ]] &&
				    owner=destination
				continue
			fi
			# bash makes a word of the "=" in "--option=value", and
			# of the "@" in "@FILE"
			at=${COMP_WORDS[i + 1]}
			[[ $at == = || $at == @ || $at == =@ ]] && ((++i))
			if ((i + 1 >= COMP_CWORD)); then
				mapfile -t COMPREPLY < <(
				    _eyelet_value "$word" "$wanted")
				return 0
			fi
			((++i))
		elif [[ -n $verb ]]; then
			operands+=("$word")
		fi
	done
	if [[ -z $verb ]]; then
		mapfile -t COMPREPLY < <(compgen -W "-c --help --version
		    $(cut -f 1 <<<"$tables" | grep -v ' ')" -- "$cur")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(sed -n \
		    "s/^$verb \\(--[a-z-]*\\)	.*/\\1/p" <<<"$tables")" \
		    -- "$cur")
	else
		word=$(sed -n "s/^$verb	//p" <<<"$tables" | tr -d '[]')
		word=${word// .../...}
		if [[ $word == *' | '* ]]; then # "list | show NO": verbs again
			word=$(cut -d ' ' -f 1 <<<"${word// | /$'\n'}")
			word=${word//$'\n'/|}
		fi
		read -r -a rest <<<"$word"
		wanted=${rest[${#operands[@]}]-}
		[[ -z $wanted && ${rest[*]-} == *... ]] && wanted=${rest[-1]}
		mapfile -t COMPREPLY < <(
		    _eyelet_value "$verb" "${wanted%...}")
	fi
}

complete -F _eyelet eyelet-destination eyelet-endpoint eyelet-event \
    eyelet-scheme eyelet-secret eyelet-store
complete -W '-c -v --child-of --help --once --version' -f eyelet-deliver
