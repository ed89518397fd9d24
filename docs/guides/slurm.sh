#!/bin/bash
# Trains one run on two hosts: sbatch docs/guides/slurm.sh
# Replace what stands in capitals; docs/guides/distributed.md explains the rest.
#SBATCH --job-name=egsc_tf
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
# The step at hand is finished and saved before the time is over.
#SBATCH --signal=TERM@300

export HOSTS="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | paste -sd, -)"
export PORT=$((20000 + SLURM_JOB_ID % 10000))

srun --kill-on-bad-exit=0 bash -c '
  workers="\"${HOSTS//,/:$PORT\",\"}:$PORT\""
  export TF_CONFIG="{\"cluster\": {\"worker\": [$workers]},
    \"task\": {\"type\": \"worker\", \"index\": $SLURM_PROCID}}"
  trap : TERM  # python gets it too, saves and ends; this waits for it
  python -m egsc_tf.train --flagfile=experiments/celeba_64.flags \
    --batch_size=32 --data_dir=/SHARED/celeba --workdir=/SHARED/runs/celeba
  code=$?
  # srun tells the largest code of all workers, and the others of one that failed end
  # with 75: the codes of errors that another start does not help are made larger.
  case $code in 1 | 2 | 3) code=$((100 + code)) ;; esac
  exit $code
'
code=$?
# 75: stopped and saved, or a worker was lost; above 128: that worker's own signal.
if [ "$code" -eq 75 ] || [ "$code" -gt 128 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
