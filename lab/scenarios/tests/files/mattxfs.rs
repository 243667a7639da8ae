// SPDX-License-Identifier: GPL-2.0-or-later
//! Files by name: MattXFS on every node, and a guest whose root is that of its home.

use super::{LONG, assert_all_gone, cluster, migrate, start, wait_for_line};
use mattx_lab::{Node, Result};
use mattx_scenarios::moves::wait_for_links;
use mattx_scenarios::programs;

/// An ordinary user, so that rights count.
const AS_USER: &str = "setpriv --reuid 1000 --regid 1000 --clear-groups";

/// Runs `script` on `node`; it prints nothing but "ok" when all is well.
fn assert_ok(node: &Node, script: &str) -> Result<()> {
    let output = node.run(&format!("set -e; {script}; echo ok"), LONG)?;
    assert_eq!(
        (output.status, output.stdout.lines().last()),
        (0, Some("ok")),
        "{script}\n{}\n{}",
        output.stdout,
        output.stderr
    );
    Ok(())
}

#[test]
fn the_files_of_another_node_are_files() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let other = cluster.node(2);
    home.sh("rm -rf /tmp/fs; mkdir -p /tmp/fs")?;
    // Both the other node and this one itself.
    assert_ok(
        other,
        "test $(stat -f -c %t /mattxfs) = 4d415454; ls /mattxfs | grep -qx 1; ls /mattxfs | grep -qx 2; \
         test \"$(cat /mattxfs/1/proc/sys/kernel/hostname)\" = node1; \
         test \"$(cat /mattxfs/2/proc/sys/kernel/hostname)\" = node2",
    )?;
    assert_ok(
        other,
        "cd /mattxfs/1/tmp/fs; echo hello > a; echo more >> a; test \"$(cat a | tr '\\n' -)\" = hello-more-; \
         mkdir d; mv a d/b; ln d/b c; ln -s d/b s; test $(stat -c %h c) = 2; test $(cat s | wc -l) = 2; \
         rm c s; test $(stat -c %h d/b) = 1; chmod 640 d/b; test $(stat -c %a d/b) = 640; rm d/b; rmdir d; \
         test -z \"$(ls -A)\"",
    )?;
    // Contents, both ways; a program and its libraries run from there.
    assert_ok(
        other,
        "dd if=/dev/urandom of=/tmp/big bs=1M count=6 2>/dev/null; cp /tmp/big /mattxfs/1/tmp/fs/big; \
         echo 3 > /proc/sys/vm/drop_caches; cmp() { test \"$(sha256sum < $1)\" = \"$(sha256sum < $2)\"; }; \
         cmp /tmp/big /mattxfs/1/tmp/fs/big; rm /tmp/big; \
         chroot /mattxfs/1 /usr/bin/python3 -c 'import json; open(\"/tmp/fs/python\", \"w\").write(json.dumps([1, 2]))'; \
         test \"$(cat /mattxfs/1/tmp/fs/python)\" = '[1, 2]'",
    )?;
    assert_ok(
        home,
        "test \"$(cat /tmp/fs/python)\" = '[1, 2]'; test $(stat -c %s /tmp/fs/big) = 6291456",
    )?;
    // Trees: copied with everything, walked without going in circles.
    assert_ok(
        other,
        "list() { (cd $1 && find . -type d -printf '%p %m %T@\\n' -o -printf '%p %m %s %l %T@\\n' | sort | sha256sum); }; \
         cp -a /mattxfs/1/usr/lib/python3.13/email /tmp/there; cp -a /tmp/there /mattxfs/1/tmp/fs/back; \
         test \"$(list /mattxfs/1/usr/lib/python3.13/email)\" = \"$(list /tmp/there)\"; \
         test \"$(list /tmp/there)\" = \"$(list /mattxfs/1/tmp/fs/back)\"; rm -rf /tmp/there; \
         test -z \"$(ls -A /mattxfs/1/mattxfs)\"; test ! -e /mattxfs/77; test ! -e /mattxfs/01",
    )?;
    // What one node changes, the other sees soon.
    home.sh("echo changed > /tmp/fs/python; touch /tmp/fs/new")?;
    wait_for_line(other, "/mattxfs/1/tmp/fs/python", "changed")?;
    other.sh("ls /mattxfs/1/tmp/fs/new")?;
    // Rights are those of the home, by the caller's own numbers.
    home.sh("echo secret > /tmp/fs/secret; chmod 600 /tmp/fs/secret")?;
    assert_ok(
        other,
        &format!(
            "! {AS_USER} cat /mattxfs/1/tmp/fs/secret 2>/dev/null; ! {AS_USER} rm /mattxfs/1/tmp/fs/secret 2>/dev/null; \
             cat /mattxfs/1/tmp/fs/secret >/dev/null"
        ),
    )
}

/// Appends its lines when told to; the log is opened at the beginning or not before that. Arguments: a letter, where the
/// root is, "early" or "late".
const APPENDER: &str = "import os, sys, time\n\
    name, root, when = sys.argv[1:]\n\
    folder = root + '/tmp/append/'\n\
    def log(): return os.open(folder + 'log', os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n\
    file = log() if when == 'early' else None\n\
    open(folder + 'ready.' + name, 'w')\n\
    while not os.path.exists(folder + 'go'): time.sleep(0.1)\n\
    file = file or log()\n\
    for i in range(300): os.write(file, ('%s %d ' % (name, i) + name * (40 + i) + '\\n').encode())\n\
    os.fsync(file)\n\
    open(folder + 'done.' + name, 'w')\n";

/// Appends from everywhere at once are neither lost nor torn: those of a process at home, of two guests, of which one had the
/// log open when it was moved, and of a process of the other node.
#[test]
fn a_log_that_all_append_to_is_whole() -> Result<()> {
    const LINES: usize = 300;
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    home.sh("rm -rf /tmp/append; mkdir /tmp/append")?;
    home.write("/tmp/append/program.py", APPENDER)?;
    let writer = |root: &str, name: &str, when: &str| {
        format!(
            "(setsid python3 {root}/tmp/append/program.py {name} \"{root}\" {when} </dev/null >/dev/null 2>&1 &)"
        )
    };
    home.sh(&writer("", "a", "early"))?;
    let guests = [("b", "early"), ("c", "late")].map(|(name, when)| {
        home.sh(&writer("", name, when))?;
        home.wait_until(
            "start a guest",
            LONG,
            &format!("test -e /tmp/append/ready.{name}"),
        )?;
        let pid = home.sh("pgrep -nx python3")?;
        let pid: u32 = pid.trim().parse().expect("pgrep prints a pid");
        migrate(home, pid, "2").map(|_| pid)
    });
    cluster.node(2).sh(&writer("/mattxfs/1", "d", "early"))?;
    home.wait_until(
        "have all ready",
        LONG,
        "test -e /tmp/append/ready.a && test -e /tmp/append/ready.d",
    )?;
    home.sh("touch /tmp/append/go")?;
    for name in ["a", "b", "c", "d"] {
        home.wait_until(
            &format!("see {name} end"),
            LONG,
            &format!("test -e /tmp/append/done.{name}"),
        )?;
        let whole = format!("^{name} [0-9]* {name}*$");
        assert_eq!(
            home.sh(&format!("grep -c '{whole}' /tmp/append/log"))?
                .trim(),
            LINES.to_string()
        );
    }
    assert_eq!(
        home.sh("wc -l < /tmp/append/log; wc -c < /tmp/append/log")?,
        // Each line has a name, a number, two blanks and its end besides its letters.
        format!(
            "{}\n{}",
            4 * LINES,
            4 * (0..LINES)
                .map(|i| 4 + i.to_string().len() + 40 + i)
                .sum::<usize>()
        )
    );
    for pid in guests {
        let told = home.sh(&format!("dmesg | grep 'pid {} '", pid?))?;
        assert!(
            told.contains("ended on node 2") && !told.contains("came home"),
            "{told}"
        );
    }
    assert_all_gone(&cluster)
}

/// Adds one to a number in a file 200 times, under a lock.
const COUNTER: &str = "import fcntl, os, sys, time\n\
    open('/tmp/count/ready.' + sys.argv[1], 'w')\n\
    while not os.path.exists('/tmp/count/go'): time.sleep(0.1)\n\
    file = os.open('/tmp/count/number', os.O_RDWR)\n\
    for i in range(200):\n\
    \x20   fcntl.lockf(file, fcntl.LOCK_EX)\n\
    \x20   os.pwrite(file, b'%08d' % (int(os.pread(file, 8, 0)) + 1), 0)\n\
    \x20   fcntl.lockf(file, fcntl.LOCK_UN)\n\
    open('/tmp/count/done.' + sys.argv[1], 'w')\n";

/// Whoever takes a lock sees what was written before, also when the file looks the same but for its contents.
#[test]
fn a_number_that_two_nodes_count_up_loses_nothing() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    home.sh("rm -rf /tmp/count; mkdir /tmp/count; printf 00000000 > /tmp/count/number")?;
    home.write("/tmp/count/program.py", COUNTER)?;
    for name in ["home", "guest"] {
        home.sh(&format!(
            "(setsid python3 /tmp/count/program.py {name} </dev/null >/dev/null 2>&1 &)"
        ))?;
        home.wait_until(
            "start it",
            LONG,
            &format!("test -e /tmp/count/ready.{name}"),
        )?;
    }
    let pid = home.sh("pgrep -nx python3")?;
    migrate(home, pid.trim().parse().expect("pgrep prints a pid"), "2")?;
    home.sh("touch /tmp/count/go")?;
    home.wait_until(
        "see both end",
        LONG,
        "test -e /tmp/count/done.home && test -e /tmp/count/done.guest",
    )?;
    assert_eq!(home.sh("cat /tmp/count/number")?, "00000400");
    assert_all_gone(&cluster)
}

/// Writes a number to a file and reads it by way of MattXFS under a lock, 500 times, as fast as it can.
const TICKER: &str = "import fcntl, os\n\
    plain = os.open('/tmp/tick', os.O_RDWR | os.O_CREAT); os.pwrite(plain, b'%08d' % 0, 0)\n\
    seen = os.open('/mattxfs/1/tmp/tick', os.O_RDWR)\n\
    old = 0\n\
    for i in range(500):\n\
    \x20   os.pwrite(plain, b'%08d' % i, 0)\n\
    \x20   fcntl.lockf(seen, fcntl.LOCK_SH); old += int(os.pread(seen, 8, 0)) != i; fcntl.lockf(seen, fcntl.LOCK_UN)\n\
    print(old)\n";

/// The clock of a file's times stands still for some milliseconds; this node asks itself faster than that.
#[test]
fn what_is_written_within_one_tick_is_seen() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    home.write("/tmp/tick.py", TICKER)?;
    assert_eq!(home.sh("python3 /tmp/tick.py")?, "0");
    Ok(())
}

#[test]
fn every_operation_by_name_answers_the_same_away() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let program = programs::push(home, "transcript")?;
    home.sh(&format!(
        "rm -rf /tmp/t; mkdir -p /tmp/t/small /tmp/t/here /tmp/t/there; mount -t tmpfs -o size=128k small /tmp/t/small; \
         chmod 777 /tmp/t/*; cp {program} /tmp/t/; chmod 755 /tmp/t /tmp/t/transcript"
    ))?;
    let run = |folder: &str, go: &str| {
        format!(
            "{AS_USER} /tmp/t/transcript /tmp/t/{folder} /tmp/t/small {go} > /tmp/t/{folder}.out"
        )
    };
    home.run(&run("here", ""), LONG)?;
    let pid = start(
        home,
        "transcript",
        &format!(
            "{}; echo status $? > /tmp/t/status",
            run("there", "/tmp/t/go")
        ),
    )?;
    migrate(home, pid, "2")?;
    home.sh("touch /tmp/t/go")?;
    wait_for_line(home, "/tmp/t/status", "status")?;
    let (here, there) = (
        home.sh("cat /tmp/t/here.out")?,
        home.sh("cat /tmp/t/there.out")?,
    );
    for (line, (here, there)) in here.lines().zip(there.lines()).enumerate() {
        assert_eq!(here, there, "line {} of the transcripts", line + 1);
    }
    assert_eq!(here.lines().count(), there.lines().count());
    let operations: u32 = here
        .lines()
        .last()
        .and_then(|line| line.strip_suffix(" operations"))
        .and_then(|count| count.parse().ok())
        .expect("the transcript ends with the number of operations");
    assert!(operations >= 150, "{operations} operations");
    home.sh("umount /tmp/t/small; grep -qx 'status 0' /tmp/t/status")?;
    assert_all_gone(&cluster)
}

const OPENER: &str = "import fcntl, os, sys, time\n\
    def wait(name):\n    while not os.path.exists('/tmp/p/' + name): time.sleep(0.1)\n\
    def note(text):\n    os.write(1, (text + '\\n').encode())\n\
    note('begun')\n\
    wait('one')\n\
    import json, decimal\n\
    log = open('/tmp/p/log', 'a+')\n\
    log.write('away\\n'); log.flush()\n\
    data = open('/usr/lib/python3.13/os.py', 'rb'); first = data.read(1000)\n\
    os.chdir('/usr/lib'); os.umask(0o27)\n\
    kept = os.open('/tmp/p/kept', os.O_RDWR | os.O_CREAT, 0o666); os.write(kept, b'0123456789'); os.lseek(kept, 4, 0)\n\
    os.set_inheritable(kept, True)\n\
    place = os.open('/usr/lib', os.O_PATH); own = os.open('/proc/self/status', os.O_RDONLY); os.read(own, 2); again = os.dup(own)\n\
    fcntl.lockf(log, fcntl.LOCK_EX); fcntl.flock(kept, fcntl.LOCK_EX)\n\
    note('opened %s %s' % (decimal.Decimal('0.1') + 1, os.uname().nodename))\n\
    wait('two')\n\
    log.write('home\\n'); log.flush(); log.seek(0)\n\
    rest = data.read()\n\
    note('read %s %d' % (log.read().split(), len(first) + len(rest) - os.stat('/usr/lib/python3.13/os.py').st_size))\n\
    note('kept %s %s %s %o' % (os.read(kept, 3), os.getcwd(), os.get_inheritable(kept), os.umask(0)))\n\
    note('place %d %s' % (os.stat('python3.13/os.py', dir_fd=place).st_size == os.stat('/usr/lib/python3.13/os.py').st_size, os.read(own, 2) + os.read(again, 1)))\n\
    wait('three')\n\
    os._exit(7)\n";

/// Another process of the home tries to lock the files of [`OPENER`], one as a whole and one by its bytes.
const OTHER: &str = "import fcntl\n\
    for name, lock in (('log', fcntl.lockf), ('kept', fcntl.flock)):\n\
    \x20   try: lock(open('/tmp/p/' + name, 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB); print(name, 'free')\n\
    \x20   except BlockingIOError: print(name, 'held')\n";

/// Python opens, reads and maps what it imports, while away and at home in turns.
#[test]
fn what_was_opened_away_comes_home() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    home.sh("rm -rf /tmp/p; mkdir /tmp/p")?;
    home.sh(&format!("cat > /tmp/p/program.py <<'END'\n{OPENER}END"))?;
    let pid = start(
        home,
        "python3",
        "cd /tmp; /usr/bin/python3 /tmp/p/program.py > /tmp/p/out 2>&1; echo status $? >> /tmp/p/out",
    )?;
    wait_for_line(home, "/tmp/p/out", "begun")?;
    migrate(home, pid, "2")?;
    home.sh("touch /tmp/p/one")?;
    wait_for_line(home, "/tmp/p/out", "opened 1.1 node1")?;
    home.sh(&format!("cat > /tmp/p/other.py <<'END'\n{OTHER}END"))?;
    let locks = || home.sh("python3 /tmp/p/other.py | tr '\\n' ' '");
    for place in ["away", "home", "2", "home"] {
        if place != "away" {
            migrate(home, pid, place)?;
        }
        assert_eq!(locks()?.trim(), "log held kept held", "{place}");
    }
    home.sh("touch /tmp/p/two")?;
    wait_for_line(home, "/tmp/p/out", "place")?;
    home.sh("touch /tmp/p/three")?;
    wait_for_line(home, "/tmp/p/out", "status")?;
    assert_eq!(locks()?.trim(), "log free kept free");
    assert_eq!(
        home.sh("cat /tmp/p/out")?.trim(),
        "begun\nopened 1.1 node1\nread ['away', 'home'] 0\nkept b'456' /usr/lib True 27\nplace 1 b'me:'\nstatus 7"
    );
    assert_all_gone(&cluster)
}

/// openMosix's control of a process by files.
#[test]
fn a_process_is_moved_and_locked_by_its_files() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    home.sh("cp /usr/bin/sleep /tmp/napper; chmod 755 /tmp/napper")?;
    let pid = start(
        home,
        "napper",
        "exec setpriv --reuid 1000 --regid 1000 --clear-groups /tmp/napper 3000",
    )?;
    let om = format!("/mattxfs/om/{pid}");
    let where_is = || home.sh(&format!("cat {om}/where"));
    assert_eq!(where_is()?.trim(), "home");
    assert_ok(
        home,
        &format!(
            "ls /mattxfs/om | grep -qx {pid}; test \"$(ls {om} | tr '\\n' ' ')\" = 'cantmove stay where '; test -z \"$(cat {om}/cantmove)\""
        ),
    )?;
    // Its owner may, others may not.
    home.sh(&format!("{AS_USER} sh -c 'echo 10.77.0.2 > {om}/where'"))?;
    assert_eq!(where_is()?.trim(), "10.77.0.2");
    home.sh(&format!("echo home > {om}/where"))?;
    assert_eq!(where_is()?.trim(), "home");
    assert_ok(
        home,
        &format!(
            "! setpriv --reuid 1001 --regid 1001 --clear-groups sh -c 'echo 2 > {om}/where' 2>/dev/null; \
                  ! {AS_USER} sh -c 'echo 2 > /mattxfs/om/1/where' 2>/dev/null; ! (echo nowhere > {om}/where) 2>/dev/null"
        ),
    )?;
    // Locked it stays; what it says then it also does.
    assert_ok(
        home,
        &format!(
            "{AS_USER} sh -c 'echo 1 > {om}/stay'; test $(cat {om}/stay) = 1; ! (echo 2 > {om}/where) 2>/dev/null; \
                  grep -q : {om}/cantmove; echo 0 > {om}/stay; test $(cat {om}/stay) = 0; echo 2 > {om}/where"
        ),
    )?;
    assert_eq!(where_is()?.trim(), "10.77.0.2");
    home.sh(&format!("kill -9 {pid}"))?;
    home.wait_until(
        "its folder is gone",
        super::MOMENT,
        &format!("test ! -e {om}"),
    )?;
    assert_all_gone(&cluster)
}

#[test]
fn callers_of_a_home_that_is_gone_learn_it() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let other = cluster.node(2);
    home.sh("rm -f /tmp/never; mkfifo /tmp/never; echo kept > /tmp/kept")?;
    // Who waits for the other end of a FIFO over there can be killed, and is told when the home is gone.
    other.sh("timeout -s KILL 3 cat /mattxfs/1/tmp/never; test $? = 137")?;
    other.sh(
        "rm -f /tmp/gone; cat /mattxfs/1/tmp/kept; \
         (setsid sh -c 'cat /mattxfs/1/tmp/never 2>/tmp/gone; echo status $? >> /tmp/gone' </dev/null >/dev/null 2>&1 &)",
    )?;
    other.wait_until(
        "have it wait for the home",
        super::MOMENT,
        "grep -q mattx /proc/$(pgrep -nx cat)/wchan",
    )?;
    home.cut();
    wait_for_line(other, "/tmp/gone", "status 1")?;
    let told = other.sh("cat /tmp/gone")?;
    assert!(told.contains("Host is down"), "{told}");
    let later = other.try_sh("cat /mattxfs/1/tmp/kept")?;
    assert_ne!(later.status, 0, "{}", later.stdout);
    home.mend();
    wait_for_links(&cluster)?;
    // With a new link names lead to files again.
    other.sh("grep -qx kept /mattxfs/1/tmp/kept")?;
    assert_all_gone(&cluster)
}

/// Between looking a name up and opening it, home gives the name to another file; and takes it away.
const REOPENER: &str = "import os, time\n\
    folder = '/mattxfs/1/tmp/reopened/'\n\
    def ask(what):\n\
    \x20   os.mkdir(folder + what)\n\
    \x20   while what in os.listdir(folder): time.sleep(0.005)\n\
    wrong = 0\n\
    for i in range(20):\n\
    \x20   os.stat(folder + 'name'); ask('replace')\n\
    \x20   wrong += open(folder + 'name').read() != 'new'\n\
    \x20   os.stat(folder + 'name'); ask('remove')\n\
    \x20   file = os.open(folder + 'name', os.O_RDWR | os.O_CREAT); os.write(file, b'made'); os.close(file)\n\
    \x20   ask('check')\n\
    \x20   file = os.open(folder + 'name', os.O_RDONLY); ask('remove')\n\
    \x20   again = os.open(f'/proc/self/fd/{file}', os.O_RDONLY); wrong += os.read(again, 9) != b'made'\n\
    \x20   os.close(file); os.close(again); ask('make')\n\
    print(wrong)\n";

const REPLACER: &str = "import os, time\n\
    os.chdir('/tmp/reopened')\n\
    def write(name, what): open(name, 'w').write(what)\n\
    def replace(): write('fresh', 'new'); os.rename('fresh', 'name')\n\
    def remove(): os.unlink('name')\n\
    def check(): assert open('name').read() == 'made'\n\
    def make(): write('name', 'old')\n\
    asked = {'replace': replace, 'remove': remove, 'check': check, 'make': make}\n\
    make()\n\
    while True:\n\
    \x20   for what in asked:\n\
    \x20       if os.path.isdir(what): asked[what](); os.rmdir(what)\n\
    \x20   time.sleep(0.002)\n";

/// What is opened is what has the name now, not what had it when it was looked up.
#[test]
fn what_is_opened_has_the_name() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, other) = (cluster.node(1), cluster.node(2));
    home.sh("rm -rf /tmp/reopened; mkdir /tmp/reopened")?;
    home.write("/tmp/replacer.py", REPLACER)?;
    other.write("/tmp/reopener.py", REOPENER)?;
    home.sh("(setsid python3 /tmp/replacer.py </dev/null >/tmp/replacer.out 2>&1 & echo $! > /tmp/replacer.pid)")?;
    home.wait_until("start it", LONG, "test -e /tmp/reopened/name")?;
    let wrong = other
        .run("timeout 200 python3 /tmp/reopener.py 2>&1", LONG)?
        .stdout;
    let complaints = home.sh("kill $(cat /tmp/replacer.pid); cat /tmp/replacer.out")?;
    assert_eq!((wrong.trim(), complaints.trim()), ("0", ""));
    Ok(())
}

/// Whoever has the lock makes a file beside it, and removes it again: neither ever sees that of the other. Goes on until
/// there is the file END, or COUNT times: journal.py FOLDER END COUNT.
const JOURNAL: &str = "import fcntl, os, sys, time\n\
    folder, end, count = sys.argv[1], sys.argv[2], int(sys.argv[3])\n\
    lock = os.open(folder + '/lock', os.O_RDWR); name = folder + '/journal'; wrong = 0\n\
    def there(): return os.path.exists(name)\n\
    while count and not os.path.exists(end):\n\
    \x20   there(); fcntl.lockf(lock, fcntl.LOCK_EX); wrong += there()\n\
    \x20   file = os.open(name, os.O_RDWR | os.O_CREAT); os.write(file, b'x'); wrong += 1000 * (not there())\n\
    \x20   time.sleep(0.01); os.unlink(name); os.close(file); wrong += 1000000 * there()\n\
    \x20   fcntl.lockf(lock, fcntl.LOCK_UN); time.sleep(0.002); count -= 1\n\
    print(wrong)\n";

/// Names, too, are those of the moment when a lock is taken.
#[test]
fn whoever_takes_a_lock_sees_the_names() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, other) = (cluster.node(1), cluster.node(2));
    home.sh("rm -rf /tmp/journal; mkdir /tmp/journal; touch /tmp/journal/lock")?;
    home.write("/tmp/journal.py", JOURNAL)?;
    other.write("/tmp/journal.py", JOURNAL)?;
    home.sh("rm -f /tmp/journal.end /tmp/journal.out; (setsid python3 /tmp/journal.py /tmp/journal /tmp/journal.end 1000000 </dev/null >/tmp/journal.out 2>&1 &)")?;
    let wrong = other
        .run(
            "timeout 250 python3 /tmp/journal.py /mattxfs/1/tmp/journal /tmp/never 100 2>&1",
            LONG,
        )?
        .stdout;
    home.sh("touch /tmp/journal.end")?;
    let complaints = home.wait_until(
        "end",
        LONG,
        "test -s /tmp/journal.out && cat /tmp/journal.out",
    )?;
    assert_eq!((wrong.trim(), complaints.trim()), ("0", "0"));
    Ok(())
}
