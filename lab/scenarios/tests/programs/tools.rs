// SPDX-License-Identifier: GPL-2.0-or-later
//! Tools of every day, each a guest that does its work away from home.

use mattx_lab::Result;
use mattx_scenarios::moves::{Subject, wait_until_gone};
use mattx_scenarios::programs;

use super::fed::Fed;
use super::{LONG, cluster, folder, run_in};

/// A small tree of everything that there is in trees.
const TREE: &str = "mkdir tree; cp -a /usr/lib/python3.13/email /usr/lib/python3.13/json tree; ln tree/email/charset.py tree/hard; \
    ln -s email/charset.py tree/soft; ln -s nowhere tree/broken; mkfifo tree/fifo; mkdir -m 1733 tree/empty; chmod 4755 tree/json/tool.py; \
    chown 1000:7 tree/json/decoder.py; touch -d @1234567890.123456789 tree/json/scanner.py; truncate -s 5M tree/sparse; \
    printf tail >> tree/sparse; setfattr -n user.colour -v green tree/json/encoder.py";

/// All that is told of a tree, its contents included; times in whole seconds.
fn list(folder: &str) -> String {
    format!(
        "(cd {folder}; find . -printf '%p %y %m %U %G %l %n ' \\( -type d -printf '\\n' -o -printf '%s %Ts\\n' \\) | sort; \
         find . -type f | sort | xargs sha256sum; getfattr -d json/encoder.py 2>/dev/null)"
    )
}

#[test]
fn tar_packs_and_unpacks() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let folder = folder(home, "tar")?;
    let tar = "tar --numeric-owner --xattrs --xattrs-include=* --sort=name --pax-option=delete=atime,delete=ctime";
    run_in(
        home,
        &folder,
        &format!("{TREE}; {tar} -cf expected.tar tree"),
    )?;
    let packing = Fed::start(home, &folder, "tar", &format!("{tar} -cf got.tar -T -"))?;
    packing.feed("echo tree")?;
    packing.assert_was_away()?;
    assert_eq!(
        run_in(home, &folder, "sha256sum < got.tar")?,
        run_in(home, &folder, "sha256sum < expected.tar")?
    );
    run_in(home, &folder, "mkdir there")?;
    let unpacking = Fed::start(home, &folder, "tar", &format!("{tar} -C there -xpf -"))?;
    unpacking.feed("cat expected.tar")?;
    unpacking.assert_was_away()?;
    assert_eq!(
        run_in(home, &folder, &list("there/tree"))?,
        run_in(home, &folder, &list("tree"))?
    );
    // As people call it, it asks for users' names, which needs a socket.
    let named = Fed::start(home, &folder, "tar", "tar -cf named.tar -T -")?;
    named.feed("echo tree")?;
    named.assert_came_home_to("make a socket")?;
    run_in(
        home,
        &folder,
        "tar -cf expected.tar tree; test \"$(sha256sum < named.tar)\" = \"$(sha256sum < expected.tar)\"",
    )?;
    wait_until_gone(&cluster)
}

#[test]
fn cp_copies_a_tree() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let folder = folder(home, "cp")?;
    run_in(
        home,
        &folder,
        &format!("{TREE}; mkdir there; echo new > first; echo old > there/first"),
    )?;
    // It asks whether to replace the first, and waits for the answer.
    let copying = Fed::start(home, &folder, "cp", "cp -ai first tree there")?;
    copying.feed("echo yes")?;
    copying.assert_was_away()?;
    assert_eq!(
        run_in(home, &folder, &list("there/tree"))?,
        run_in(home, &folder, &list("tree"))?
    );
    assert_eq!(run_in(home, &folder, "cat there/first")?, "new");
    wait_until_gone(&cluster)
}

/// Everything but what every process changes, and the cluster's own folder, which ends at itself for a guest.
fn find(limits: &str) -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let folder = folder(home, "find")?;
    let find = format!(
        "find -files0-from - -xdev {limits} -path /tmp -prune -o -path /proc -prune -o -path /mattxfs -prune -o -printf \"%p %y %m %U %G %s %l %n %i %D %Ts\\n\""
    );
    home.write(&format!("{folder}/here"), format!("{find} > expected"))?;
    run_in(home, &folder, "printf '/\\0' | sh here")?;
    let finding = Fed::start(home, &folder, "find", &find)?;
    finding.feed("printf '/\\0'")?;
    finding.assert_was_away()?;
    let difference = run_in(
        home,
        &folder,
        "sort expected > a; sort out > b; sort a b | uniq -u; test $(wc -l < a) = $(wc -l < b); test $(wc -l < a) -gt 20",
    )?;
    assert_eq!(difference, "");
    wait_until_gone(&cluster)
}

#[test]
fn find_finds_the_upper_folders_of_home() -> Result<()> {
    find("-maxdepth 2")
}

#[test]
#[ignore = "every file of home takes minutes; run by scripts/test long"]
fn find_finds_every_file_of_home() -> Result<()> {
    find("")
}

/// Its first line waits for the test.
const IMPORTS: &str = "import sys\n\
    sys.stdin.readline()\n\
    import json, decimal, email.message, xml.dom.minidom, csv, ctypes, hashlib, zlib, sqlite3, zipfile, tempfile, os\n\
    message = email.message.EmailMessage(); message['Subject'] = 'moved'; message.set_content('text')\n\
    with tempfile.TemporaryDirectory() as folder:\n\
    \x20   with zipfile.ZipFile(folder + '/archive', 'w', zipfile.ZIP_DEFLATED) as archive: archive.write(json.__file__)\n\
    \x20   with zipfile.ZipFile(folder + '/archive') as archive: size = sum(item.file_size for item in archive.infolist())\n\
    text = json.dumps([str(decimal.Decimal(2).sqrt()), message.as_string(), zlib.crc32(b'x'), size, xml.dom.minidom.parseString('<a b=\"c\"/>').toxml()])\n\
    print(hashlib.sha256(text.encode()).hexdigest(), len(sys.modules), ctypes.CDLL(None).abs(-5))\n";

#[test]
fn python_imports_from_home() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let folder = folder(home, "python")?;
    home.write(&format!("{folder}/program.py"), IMPORTS)?;
    let python = Fed::start(home, &folder, "python3", "python3 program.py")?;
    python.feed("echo")?;
    python.assert_was_away()?;
    assert_eq!(
        run_in(home, &folder, "cat out")?,
        run_in(home, &folder, "echo | python3 program.py")?
    );
    wait_until_gone(&cluster)
}

/// A path of 4,000 characters, in all ways in which programs use paths.
const LONG_PATH: &str = "import errno, os, sys\n\
    sys.stdin.readline()\n\
    base = os.getcwd()\n\
    path = base + '/long'\n\
    os.mkdir(path)\n\
    while len(path) < 3700:\n\
    \x20   path += '/' + 'd' * 250\n\
    \x20   os.mkdir(path)\n\
    name = path + '/' + 'f' * (4000 - len(path) - 1)\n\
    assert len(name) == 4000\n\
    with open(name, 'w') as file: file.write('far ')\n\
    os.symlink(name, base + '/link')\n\
    assert os.readlink(base + '/link') == name and os.path.realpath(base + '/link') == name\n\
    other = name[:-1] + 'g'\n\
    os.rename(name, other); os.link(other, name); os.unlink(other)\n\
    os.chdir(path)\n\
    assert os.getcwd() == path and os.stat(os.path.basename(name)).st_size == 4 and os.listdir('.') == [os.path.basename(name)]\n\
    for wrong, error in ((path + '/' + 'x' * 256, errno.ENAMETOOLONG), (path + '/x' * 300, errno.ENAMETOOLONG), (name + '/x', errno.ENOTDIR)):\n\
    \x20   try: open(wrong); assert False\n\
    \x20   except OSError as failure: assert failure.errno == error, failure\n\
    file = open(base + '/link', 'a')\n\
    print('ready', flush=True)\n\
    sys.stdin.readline()\n\
    file.write('away'); file.close()\n\
    assert os.getcwd() == path and len(open(name).read()) == 8\n";

#[test]
fn a_path_has_4000_characters() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let folder = folder(home, "path")?;
    home.write(&format!("{folder}/program.py"), LONG_PATH)?;
    let python = Fed::start(home, &folder, "python3", "python3 program.py")?;
    // Home and away again with such a current folder and such an open file.
    python.feed(&format!(
        "echo; until grep -q ready out || test -s status; do sleep 0.2; done; \
         for to in home 2; do echo migrate {} $to > /proc/mattx/admin; done; echo",
        python.pid()
    ))?;
    assert_eq!(run_in(home, &folder, "cat link")?, "far away");
    wait_until_gone(&cluster)
}

#[test]
fn git_imports_a_history() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let folder = folder(home, "git")?;
    run_in(
        home,
        &folder,
        &format!(
            "{GIT_REPOSITORY}; git -C repository fast-export --all > history; git init -q there"
        ),
    )?;
    // Small imports are unpacked by another program.
    let importing = Fed::start(
        home,
        &folder,
        "git",
        "HOME=$PWD git -C there -c fastimport.unpackLimit=1 fast-import --quiet",
    )?;
    importing.feed("cat history")?;
    importing.assert_was_away()?;
    run_in(
        home,
        &folder,
        "git -C there fsck --strict 2>&1; test $(git -C there rev-parse main) = $(git -C repository rev-parse main)",
    )?;
    // And reads it back.
    let names = "git -C there rev-list --objects --all | cut -d ' ' -f 1";
    let reading = Fed::start(
        home,
        &folder,
        "git",
        "HOME=$PWD git -C there cat-file --batch",
    )?;
    reading.feed(names)?;
    reading.assert_was_away()?;
    run_in(
        home,
        &folder,
        &format!(
            "test \"$(sha256sum < out)\" = \"$({names} | git -C repository cat-file --batch | sha256sum)\""
        ),
    )?;
    wait_until_gone(&cluster)
}

/// Makes `repository`, with four commits.
pub const GIT_REPOSITORY: &str = "export HOME=$PWD GIT_CONFIG_NOSYSTEM=1; git config --global user.email nobody@example.org; git config --global user.name Nobody; \
    git config --global init.defaultBranch main; git init -q repository; cp -a /usr/lib/python3.13/json /usr/lib/python3.13/email repository; \
    find repository -name __pycache__ | xargs rm -rf; for i in 1 2 3 4; do echo $i >> repository/json/count; git -C repository add -A; git -C repository commit -qm $i; done";

const SOURCE: &str = "#include <errno.h>\n#include <math.h>\n#include <pthread.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sys/socket.h>\n\
    static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }\n\
    int main(int count, char **words) { qsort(words, count, sizeof(*words), compare); for (int i = 0; i < count; i++) printf(\"%s %.3f\\n\", words[i], sqrt(i)); return errno; }\n";

#[test]
fn the_compiler_compiles() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let folder = folder(home, "cc1")?;
    home.write(&format!("{folder}/source.c"), SOURCE)?;
    let gcc = "gcc -O2 -Wall -c -x c";
    run_in(home, &folder, &format!("{gcc} - -o expected.o < source.c"))?;
    // The compiler proper; what started it waits for it at home.
    let compiling = Fed::start(home, &folder, "cc1", &format!("{gcc} - -o got.o"))?;
    compiling.feed("cat source.c")?;
    compiling.assert_was_away()?;
    run_in(
        home,
        &folder,
        "test \"$(sha256sum < got.o)\" = \"$(sha256sum < expected.o)\"",
    )?;
    wait_until_gone(&cluster)
}

/// `count` transactions of one row each.
fn rows(table: &str, count: u32) -> String {
    format!(
        "echo .timeout 120000; for i in $(seq {count}); do echo \"INSERT INTO {table} VALUES($i, hex(zeroblob(300)));\"; done"
    )
}

fn sqlite(journal: &str, count: u32) -> Result<String> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let folder = folder(home, "sqlite")?;
    run_in(
        home,
        &folder,
        &format!(
            "sqlite3 base 'PRAGMA journal_mode={journal}; CREATE TABLE away(n INTEGER PRIMARY KEY, t); CREATE TABLE home(n INTEGER PRIMARY KEY, t)'"
        ),
    )?;
    let guest = Fed::start(home, &folder, "sqlite3", "sqlite3 -batch -bail base")?;
    run_in(
        home,
        &folder,
        &format!(
            "(({}) | setsid sqlite3 -batch -bail base >home.out 2>&1; echo status $? >> home.out) </dev/null >/dev/null 2>&1 &",
            rows("home", count)
        ),
    )?;
    guest.feed(&rows("away", count))?;
    home.wait_until(
        "see the other end",
        LONG,
        &format!("grep -q ^status {folder}/home.out"),
    )?;
    assert_eq!(
        run_in(
            home,
            &folder,
            "tail -n 1 home.out; sqlite3 base 'PRAGMA integrity_check; SELECT count(*), sum(n) FROM away; SELECT count(*), sum(n) FROM home'"
        )?,
        format!(
            "status 0\nok\n{count}|{sum}\n{count}|{sum}",
            sum = count * (count + 1) / 2
        )
    );
    wait_until_gone(&cluster)?;
    super::told(home, guest.pid())
}

#[test]
fn sqlite_shares_a_data_base_with_a_process_at_home() -> Result<()> {
    let told = sqlite("DELETE", 40)?;
    assert!(
        told.contains("ended on node 2") && !told.contains("came home"),
        "{told}"
    );
    Ok(())
}

/// Its log's index is memory that all its users share, which is possible on one node only.
#[test]
fn sqlite_with_a_write_ahead_log_works_at_home() -> Result<()> {
    let told = sqlite("WAL", 100)?;
    assert!(
        told.contains("came home from node 2 to share memory"),
        "{told}"
    );
    Ok(())
}

const MAPPER: &str = "import mmap, os, sys\n\
    file = os.open(sys.argv[1], os.O_RDWR)\n\
    size = os.fstat(file).st_size\n\
    shared = mmap.mmap(file, size); private = mmap.mmap(file, size, flags=mmap.MAP_PRIVATE)\n\
    before = bytes(private[:size])\n\
    private[:7] = b'private'; shared[5000:5006] = b'shared'; shared.flush()\n\
    print(before == bytes(range(256)) * 64, private[:7], bytes(private[7:5000]) == before[7:5000], os.pread(file, 6, 5000), os.pread(file, 2, 0))\n";

#[test]
fn programs_run_and_map_from_another_node() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, other) = (cluster.node(1), cluster.node(2));
    let folder = folder(home, "exec")?;
    let program = programs::push(home, "calc")?;
    let expected = run_in(home, &folder, &format!("{program} 3 | tail -n 1"))?;
    assert_eq!(
        other.sh(&format!("/mattxfs/1{program} 3 | tail -n 1"))?,
        expected
    );
    // Mapped by a process of the other node.
    home.write(&format!("{folder}/map.py"), MAPPER)?;
    run_in(
        home,
        &folder,
        "python3 -c \"open('bytes', 'wb').write(bytes(range(256)) * 64)\"",
    )?;
    assert_eq!(
        other.sh(&format!(
            "python3 /mattxfs/1{folder}/map.py /mattxfs/1{folder}/bytes"
        ))?,
        "True b'private' True b'shared' b'\\x00\\x01'"
    );
    assert_eq!(
        run_in(
            home,
            &folder,
            "tail -c +5001 bytes | head -c 6; head -c 2 bytes | od -An -tx1; stat -c %s bytes"
        )?,
        "shared 00 01\n16384"
    );
    // The program of a process that moves is a file of the node to which it moves.
    other.sh("mkdir -p /tmp/programs")?;
    other.sh(&format!("cp /mattxfs/1{program} /tmp/programs/calc"))?;
    let subject = Subject::start(home, "/mattxfs/2/tmp/programs/calc 3 5000 7")?;
    subject.migrate(home, "2")?;
    subject.wait_for_line(home, &expected)?;
    subject.wait_for_line(home, "status 7")?;
    wait_until_gone(&cluster)
}
