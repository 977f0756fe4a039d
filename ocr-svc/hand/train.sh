#!/bin/sh
# train.sh WORK FONTS [FROM]: makes hand.traineddata anew in the folder WORK, from lines written in the fonts of the folder FONTS (fonts.sh).
# It begins as Debian's network for English, or goes on from FROM, a network that this made.  Needs Debian's tesseract-ocr, python3-pil,
# python3-numpy.  Two are trained at a time, on lines in another order each, and their mean goes on: on two cores that it has to itself
# 1,000 iterations of both take about a minute.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$1 fonts=$2 from=${3:+$(realpath "$3")}
models=${TESSDATA_PREFIX:-/usr/share/tesseract-ocr/5/tessdata}
widths='64 96 160 400' # of the layers with memory; Debian's are 48, 96, 96, 192
export OMP_THREAD_LIMIT=1 # its threads wait for each other in a spin
mkdir -p "$work/script" "$work/steps"
fonts=$(cd "$fonts" && pwd)
cd "$work"

for language in eng spa; do
    combine_tessdata -u "$models/$language.traineddata" $language.
    dawg2wordlist $language.lstm-unicharset $language.lstm-word-dawg $language.words
done

# The letters of both languages, and four that neither has.
merge_unicharsets eng.lstm-unicharset spa.lstm-unicharset both.unicharset
{
    echo $(($(head -1 both.unicharset) + 4))
    tail -n +2 both.unicharset
    printf '%s 3 Latin 0 0 0 %s\n' ü ü
    printf '%s 5 Latin 0 0 0 %s\n' Ü Ü
    printf '%s 10 Latin 0 0 0 %s\n' º º ª ª
} >hand.unicharset
printf '# not used for Latin letters\n4E00\t1.0\n' >script/radical-stroke.txt
combine_lang_model --input_unicharset hand.unicharset --script_dir script --output_dir . --lang hand --pass_through_recoder

seed=301
while [ $seed -le 328 ]; do
    numbers=
    [ $((seed % 4)) = 0 ] && numbers=--numbers
    [ -f $seed.lstmf ] || "$here/lines.py" $seed.lstmf --fonts "$fonts" --words . --unicharset hand.unicharset --seed $seed $numbers
    echo "$PWD/$seed.lstmf"
    seed=$((seed + 1))
done >lines.list

# trained NAME LINES FROM ITERATIONS RATE [OPTION...]: NAME.lstm, trained from the network FROM
trained() {
    name=$1 lines=$2 network=$3 iterations=$4 rate=$5
    shift 5
    rm -f steps/"$name"*
    lstmtraining --continue_from "$network" --traineddata hand/hand.traineddata --train_listfile "$lines" --model_output steps/"$name" \
        --learning_rate "$rate" --max_iterations "$iterations" "$@"
    lstmtraining --stop_training --continue_from steps/"$name"_checkpoint --traineddata hand/hand.traineddata --model_output "$name".traineddata
    combine_tessdata -e "$name".traineddata "$name".lstm
}

# rounds N RATE: hand.lstm trained on by 3,000 iterations of two, N times
dealt=0
rounds() {
    round=0
    while [ $round -lt "$1" ]; do
        "$here/deal.py" . $dealt 3000 one.deal two.deal
        echo "$PWD/one.deal" >one.list
        echo "$PWD/two.deal" >two.list
        trained one one.list hand.lstm 3000 "$2" &
        trained two two.list hand.lstm 3000 "$2"
        wait $!
        "$here/average.py" mean.lstm one.lstm two.lstm
        mv mean.lstm hand.lstm
        round=$((round + 1))
        dealt=$((dealt + 1))
    done
}

if [ -n "$from" ]; then
    combine_tessdata -u "$from" from.
    "$here/floats.py" from.lstm begin.lstm
else
    "$here/floats.py" eng.lstm first.lstm
    trained begin lines.list first.lstm 10000 0.001 --old_traineddata "$models/eng.traineddata"
fi
# shellcheck disable=SC2086
"$here/widen.py" begin.lstm hand.lstm $widths
rounds 16 0.0005
rounds 4 0.00025
cp hand.lstm wide.lstm
rounds 1 0.0001
cp hand.lstm slow.lstm
rounds 1 0.0001
"$here/average.py" mean.lstm wide.lstm slow.lstm hand.lstm
lstmtraining --stop_training --convert_to_int --continue_from mean.lstm --traineddata hand/hand.traineddata \
    --model_output hand.traineddata
