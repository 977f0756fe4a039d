#!/bin/sh
# judge.sh WORK UNSEEN MODEL...: what share of the letters each MODEL (a .traineddata of train.sh, or a checkpoint) reads wrong in 300 lines by
# the hands of the folder UNSEEN (fonts.sh fonts.unseen).  WORK is the folder that train.sh worked in.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export OMP_THREAD_LIMIT=1
work=$(cd "$1" && pwd) unseen=$(cd "$2" && pwd)
shift 2
lines=$work/unseen.lstmf
[ -f "$lines" ] || "$here/lines.py" "$lines" --fonts "$unseen" --words "$work" --unicharset "$work/hand.unicharset" --seed 901 --lines 300
echo "$lines" >"$work/unseen.list"
for model; do
    echo "$model: $(lstmeval --model "$model" --traineddata "$work/hand/hand.traineddata" --eval_listfile "$work/unseen.list" 2>&1 |
        grep -o 'BCER eval=[0-9.]*')"
done
