#!/usr/bin/env bash
# A SLURM of one node on this Debian machine, to try the study on: no accounting, no memory limits, jobs of root.
#   sudo workflow/one_node_slurm.sh start | stop
# Not for a cluster: it overwrites /etc/slurm/slurm.conf.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "error: this must be run as root" >&2; exit 1; }
RUN=/run/one-node-slurm

stop() {
    for name in slurmd slurmctld munged; do
        [ -f "$RUN/$name.pid" ] || continue
        kill "$(cat "$RUN/$name.pid")" 2>/dev/null || true
        rm -f "$RUN/$name.pid"
    done
}

start() {
    command -v slurmctld >/dev/null && command -v slurmd >/dev/null && command -v munged >/dev/null || {
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends slurmctld slurmd slurm-client munge
    }
    mkdir -p "$RUN/state" "$RUN/spool" /run/munge /etc/slurm
    [ -f /etc/munge/munge.key ] || mungekey
    chown munge: /run/munge /etc/munge /etc/munge/munge.key
    su -s /bin/sh munge -c "munged --force --pid-file=/run/munge/munged.pid"
    ln -sf /run/munge/munged.pid "$RUN/munged.pid"
    cat >/etc/slurm/slurm.conf <<CONF
ClusterName=one
SlurmctldHost=$(hostname -s)
SlurmUser=root
AuthType=auth/munge
SlurmctldPidFile=$RUN/slurmctld.pid
SlurmdPidFile=$RUN/slurmd.pid
StateSaveLocation=$RUN/state
SlurmdSpoolDir=$RUN/spool
SlurmctldLogFile=$RUN/slurmctld.log
SlurmdLogFile=$RUN/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
# Finished jobs stay listed for a while, so that squeue can still tell how they ended.
MinJobAge=300
NodeName=$(hostname -s) CPUs=$(nproc) RealMemory=$(free -m | awk '/^Mem/ {print $2}') State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
    slurmctld
    slurmd
    for _ in {1..30}; do
        [ "$(sinfo -h -o %T 2>/dev/null)" = idle ] && { sinfo; return; }
        sleep 1
    done
    echo "error: the node did not become idle; see $RUN/slurmctld.log and $RUN/slurmd.log" >&2
    exit 1
}

case "${1:-}" in
    start) stop; start ;;
    stop) stop ;;
    *) echo "usage: $0 start | stop" >&2; exit 2 ;;
esac
