// SPDX-License-Identifier: GPL-2.0-or-later
//! An installed node under systemd, as a real machine is: the units start what they shall, in a sandbox that leaves
//! guests their rights, and a restarted daemon leaves them alone.

use mattx_lab::{Cluster, Config, Node, Result};
use mattx_scenarios::moves::{MOMENT, Subject, wait_for_links, wait_until_gone};
use mattx_scenarios::{modules, programs};

/// Until systemd has started everything, a unit that fails is a failure.
fn wait_for_systemd(node: &Node) -> Result<()> {
    node.wait_until(
        "boot",
        MOMENT,
        "case $(systemctl is-system-running) in running | degraded) ;; *) false ;; esac",
    )?;
    let failed = node.sh("systemctl --failed --plain --no-legend")?;
    assert_eq!(failed, "", "units of node {}", node.number());
    Ok(())
}

/// A shell condition: these units are active.
fn active(units: &str) -> String {
    format!(
        "systemctl is-active --quiet {units} || {{ systemctl status --no-pager {units}; false; }}"
    )
}

#[test]
fn units_start_restart_and_stop() -> Result<()> {
    let cluster = Cluster::boot(Config {
        kernel_options: "lab.systemd".into(),
        ..Config::installed(2)?
    })?;
    for node in cluster.nodes() {
        wait_for_systemd(node)?;
        // An image that boots for the first time has started everything already, and the module keeps its number.
        node.wait_until(
            "stop what the first boot started",
            MOMENT,
            "systemctl stop mattx-viz mattx-viz.socket mattx-discd mattx; ! test -e /proc/mattx",
        )?;
        node.sh(&format!(
            "echo NODE_ID={} >>/etc/mattx.conf; systemctl enable --now mattx-discd mattx-viz",
            node.number()
        ))?;
        node.sh(&active("mattx mattx-discd mattx-viz"))?;
        // What the sandbox of the units hides from them must be nothing that they need.
        let told = node.sh("mattx doctor")?;
        assert!(told.contains("unsigned modules can be loaded"), "{told}");
    }
    wait_for_links(&cluster)?;
    viewers_get_a_link(cluster.node(1))?;

    let (home, away) = (cluster.node(1), cluster.node(2));
    let subject = a_guest_that_writes_by_name(home)?;
    for node in [home, away] {
        node.sh("systemctl restart mattx-discd")?;
        node.sh(&active("mattx-discd"))?;
        subject.wait_for_progress(home)?;
    }
    wait_for_links(&cluster)?;
    assert_eq!(
        home.sh("cat /proc/mattx/remote")?,
        format!("{}:2", subject.pid)
    );
    // Modules that are in use stay, and all can be started again.
    assert!(
        home.try_sh("systemctl stop mattx; test -e /proc/mattx")?
            .status
            == 0,
        "the modules are gone under a process that is away"
    );
    home.sh(&format!(
        "systemctl start mattx && mountpoint -q /mattxfs && {}",
        active("mattx")
    ))?;
    subject.wait_for_progress(home)?;
    subject.migrate(home, "home")?;
    subject.signal(home, "KILL")?;
    wait_until_gone(&cluster)?;

    for node in cluster.nodes() {
        node.sh("systemctl stop mattx-viz mattx-viz.socket mattx-discd")?;
        node.wait_until(
            "let go of the modules",
            MOMENT,
            "systemctl stop mattx; ! test -e /proc/mattx",
        )?;
        let left = modules::left_behind(node)?;
        assert_eq!(left, "", "left behind on node {}", node.number());
    }
    cluster.finish()
}

/// The journal has it, and it opens the view.
fn viewers_get_a_link(node: &Node) -> Result<()> {
    node.wait_until(
        "print the link of the view",
        MOMENT,
        "link=$(journalctl -u mattx-viz --no-pager | grep -o 'http://[^ ]*token=[^ ]*' | tail -n 1); \
         curl --silent --fail --output /dev/null \"$link\" && curl --silent --fail \"${link%%\\?*}healthz\"",
    )
    .map(drop)
}

/// It appends to a file below /root, which the sandbox of the other node's daemon makes unreachable there.
fn a_guest_that_writes_by_name(home: &Node) -> Result<Subject> {
    programs::push_script(home, "append.py", "/root/append.py")?;
    home.sh("cp /usr/bin/python3 /root/appender")?;
    let subject = Subject::start(home, "/root/appender /root/append.py /root/appended")?;
    subject.wait_for_progress(home)?;
    subject.migrate(home, "2")?;
    let before = home.sh("wc -l </root/appended")?;
    home.wait_until(
        "be appended to by the guest",
        MOMENT,
        &format!("test $(wc -l </root/appended) -gt {}", before.trim()),
    )?;
    assert_eq!(
        home.sh("cat /proc/mattx/remote")?,
        format!("{}:2", subject.pid)
    );
    Ok(subject)
}
