// SPDX-License-Identifier: GPL-2.0-or-later
//! Programs of many processes, each of which is sent away again whenever it is at home. They fork, run others, wait and
//! use pipes, for which they come home; what they make is the same.

use mattx_lab::{Node, Result};
use mattx_scenarios::moves::{MOMENT, wait_until_gone};

use super::tools::GIT_REPOSITORY;
use super::{cluster, folder, run_in};

/// Sends the two newest processes of a session away until the file `status` tells the end. $1: the session, $2: the pause.
const THROW: &str = "moves=0\n\
    while ! test -s status; do\n\
    \x20   for pid in $(pgrep -s $1 | sort -nr | head -n 2); do\n\
    \x20       if echo migrate $pid 2 > /proc/mattx/admin; then moves=$((moves + 1)); fi\n\
    \x20   done 2>/dev/null\n\
    \x20   sleep $2\n\
    done\n\
    echo $moves\n";

/// Runs `command` in `folder` and throws its processes about; at least `least` moves must have succeeded.
fn run_thrown(home: &Node, folder: &str, command: &str, pause: &str, least: u32) -> Result<()> {
    home.write(&format!("{folder}/throw"), THROW)?;
    home.write(
        &format!("{folder}/run"),
        format!("echo $$ > session; until test -e go; do sleep 0.1; done; {command}; echo status $? > status\n"),
    )?;
    run_in(
        home,
        folder,
        "rm -f go status session; setsid sh run </dev/null >out 2>&1 &",
    )?;
    home.wait_until("start it", MOMENT, &format!("test -s {folder}/session"))?;
    let moves = run_in(
        home,
        folder,
        &format!("touch go; sh throw $(cat session) {pause}"),
    )?;
    println!("{command}: {moves} moves");
    let end = run_in(home, folder, "cat status out")?;
    assert!(end.starts_with("status 0"), "{end}");
    let moves: u32 = moves.parse().expect("the script prints a number");
    assert!(moves >= least, "{moves} moves only");
    Ok(())
}

fn git_clones(pause: &str) -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let folder = folder(home, "clone")?;
    run_in(home, &folder, GIT_REPOSITORY)?;
    for (name, how) in [("packed", "--no-local"), ("linked", "")] {
        run_thrown(
            home,
            &folder,
            &format!("git clone -q {how} repository {name}"),
            pause,
            1,
        )?;
        let problems = run_in(
            home,
            &folder,
            &format!(
                "export HOME=$PWD; test $(git -C {name} rev-parse HEAD) = $(git -C repository rev-parse HEAD); \
                 git -C {name} fsck --strict --no-progress 2>&1; git -C {name} status --short"
            ),
        )?;
        assert_eq!(problems, "");
    }
    wait_until_gone(&cluster)
}

const PROJECT: &str = "mkdir src; cd src; \
    for i in 1 2 3; do printf '#include <stdio.h>\\n#include <string.h>\\nint part%d(int x) { char b[64]; snprintf(b, sizeof(b), \"%%d\", x * %d); return (int)strlen(b) + x %% %d; }\\n' $i $i $((i + 6)) > part$i.c; done; \
    printf '#include <stdio.h>\\nint part1(int), part2(int), part3(int);\\nint main(void) { long s = 0; for (int i = 0; i < 1000; i++) s += part1(i) + part2(i) * part3(i); printf(\"%%ld\\\\n\", s); return 0; }\\n' > main.c; \
    printf 'program: main.o part1.o part2.o part3.o\\n\\tgcc -o $@ $^\\n%%.o: %%.c\\n\\tgcc -O2 -c -o $@ $<\\n' > Makefile; cd ..; cp -a src here; cp -a src there";

fn make_builds(pause: &str, least: u32) -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let folder = folder(home, "make")?;
    run_in(home, &folder, &format!("{PROJECT}; make -C here"))?;
    run_thrown(home, &folder, "make -C there", pause, least)?;
    assert_eq!(
        run_in(
            home,
            &folder,
            "(cd there; sha256sum *.o program; ./program)"
        )?,
        run_in(home, &folder, "(cd here; sha256sum *.o program; ./program)")?
    );
    wait_until_gone(&cluster)
}

#[test]
fn git_clones_while_its_processes_are_thrown_about() -> Result<()> {
    git_clones("0.1")
}

#[test]
fn a_build_ends_well_while_its_processes_are_thrown_about() -> Result<()> {
    make_builds("2", 1)
}

#[test]
#[ignore = "the compilers do most of their work away, which takes minutes; run by scripts/test long"]
fn a_build_ends_well_although_its_processes_are_never_left_alone() -> Result<()> {
    for _ in 0..3 {
        make_builds("0.1", 10)?;
        git_clones("0")?;
    }
    Ok(())
}
