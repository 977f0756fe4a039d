#!/bin/sh
# train.sh WORK FONTS [FROM]: makes hand.traineddata anew in the folder WORK, from lines written in the fonts of the folder FONTS (fonts.sh).
# It begins as Debian's network for English, or goes on from FROM, a network that this made.  Needs Debian's tesseract-ocr, python3-pil,
# python3-numpy.  On one core that it has to itself 10,000 iterations take about half an hour.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$1 fonts=$2 from=${3:+$(realpath "$3")}
models=${TESSDATA_PREFIX:-/usr/share/tesseract-ocr/5/tessdata}
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

seed=1
while [ $seed -le 12 ]; do
    numbers=
    [ $((seed % 3)) = 0 ] && numbers=--numbers
    [ -f $seed.lstmf ] || "$here/lines.py" $seed.lstmf --fonts "$fonts" --words . --unicharset hand.unicharset --seed $seed $numbers
    echo "$PWD/$seed.lstmf"
    seed=$((seed + 1))
done >lines.list

# step NETWORK ITERATIONS RATE [OPTION...]: trained until so many iterations are made in all
step() {
    network=$1 iterations=$2 rate=$3
    shift 3
    lstmtraining --continue_from "$network" --traineddata hand/hand.traineddata --train_listfile lines.list --model_output steps/hand \
        --learning_rate "$rate" --reset_learning_rate --max_iterations "$iterations" "$@"
}

first=0
if [ -n "$from" ]; then
    combine_tessdata -u "$from" from.
    "$here/floats.py" from.lstm begin.lstm
else
    "$here/floats.py" eng.lstm begin.lstm
    first=10000
    step begin.lstm $first 0.001 --old_traineddata "$models/eng.traineddata"
    cp steps/hand_checkpoint begin.lstm
fi
step begin.lstm $((first + 11500)) 0.0005
lstmtraining --stop_training --convert_to_int --continue_from steps/hand_checkpoint --traineddata hand/hand.traineddata \
    --model_output hand.traineddata
