//! An organization with years of history: created by hand by several people, and never cleaned up.
//!
//! Contract: the example organization plus more rows, the same in the same order each time; times are relative to the clock's
//! day; no real e-mail addresses. Used by the demo, `latchkey sandbox --seed lived-in` and tests of taking over a group.

use jiff::{SignedDuration, Timestamp};

use super::{Clock, Sandbox, example};

/// The name of the group with the most history.
pub const ROWING: &str = "Rowing";

/// All users in order of creation: name and e-mail address, in inconsistent spelling.
const PEOPLE: [(&str, &str); 60] = [
    ("Alma Ahrens", "alma.ahrens@example.com"),
    ("Björn Åkesson", "bjorn.akesson@example.com"),
    ("Çağla Yıldız", "cagla.yildiz@example.com"),
    ("Dörte Müller", "DORTE.MULLER@EXAMPLE.COM"),
    ("Émile Lefèvre", "emile.lefevre@example.com"),
    ("Fatima Zahra", "fatima.zahra@example.com"),
    ("Giorgos Παπαδόπουλος", "giorgos.papadopoulos@example.com"),
    ("Håkon Sørensen", "hakon.sorensen@example.com"),
    ("Iñigo Núñez", "inigo.nunez@example.com"),
    ("Jana Nováková", "jana.novakova@example.com"),
    ("Kees van der Berg", "Kees.Van.Der.Berg@Example.Com"),
    ("Łukasz Wójcik", "lukasz.wojcik@example.com"),
    ("María José García", "maria.jose.garcia@example.com"),
    ("Nguyễn Văn An", "nguyen.van.an@example.com"),
    ("Olena Шевченко", "olena.shevchenko@example.com"),
    ("Paul O'Brien", "paul.obrien@example.com"),
    ("Quynh Trần", "quynh.tran@example.com"),
    ("Renée Dubois", "RENEE.DUBOIS@EXAMPLE.COM"),
    ("Søren Kjær", "soren.kjaer@example.com"),
    ("Bohumil Dvořák", "bohumil.dvorak@example.com"),
    ("Ursula Weiß", "ursula.weiss@example.com"),
    ("Victor Hugo Lima", "victor.hugo.lima@example.com"),
    ("Wiebke Jürgens", "wiebke.jurgens@example.com"),
    ("Xenia Ivanova", "xenia.ivanova@example.com"),
    ("Yuki 田中", "Yuki.Tanaka@Example.Com"),
    ("Zoë Zimmermann", "zoe.zimmermann@example.com"),
    ("Anke Bauer", "anke.bauer@example.com"),
    ("Bernd Claßen", "bernd.classen@example.com"),
    ("Carla Dietz", "carla.dietz@example.com"),
    ("Dieter Ernst", "dieter.ernst@example.com"),
    ("Edda Fuchs", "edda.fuchs@example.com"),
    ("Frank Groß", "FRANK.GROSS@EXAMPLE.COM"),
    ("Gisela Hahn", "gisela.hahn@example.com"),
    ("Horst Ihde", "horst.ihde@example.com"),
    ("Inge Jansen", "inge.jansen@example.com"),
    ("Jens Kraus", "jens.kraus@example.com"),
    ("Karin Lenz", "karin.lenz@example.com"),
    ("Ludmila Petrova", "ludmila.petrova@example.com"),
    ("Maik Nolte", "Maik.Nolte@Example.Com"),
    ("Nadine Otto", "nadine.otto@example.com"),
    ("Oskar Pohl", "oskar.pohl@example.com"),
    ("Petra Quast", "petra.quast@example.com"),
    ("Ralf Richter", "ralf.richter@example.com"),
    ("Sabine Schäfer", "sabine.schafer@example.com"),
    ("Thorsten Ulrich", "thorsten.ulrich@example.com"),
    ("Uta Vogel", "UTA.VOGEL@EXAMPLE.COM"),
    ("Volker Wagner", "volker.wagner@example.com"),
    ("Waltraud Xander", "waltraud.xander@example.com"),
    ("Yannick Young", "yannick.young@example.com"),
    ("Zita Adler", "zita.adler@example.com"),
    ("Arne Böhm", "arne.bohm@example.com"),
    ("Britta Conrad", "britta.conrad@example.com"),
    ("Clemens Dorn", "Clemens.Dorn@Example.Com"),
    ("Dagmar Ebert", "dagmar.ebert@example.com"),
    ("Egon Falk", "egon.falk@example.com"),
    ("Frauke Geiger", "frauke.geiger@example.com"),
    ("Gernot Hesse", "gernot.hesse@example.com"),
    ("Heike Iwersen", "heike.iwersen@example.com"),
    ("Ingo Jung", "ingo.jung@example.com"),
    ("Jutta Köhler", "JUTTA.KOHLER@EXAMPLE.COM"),
];

/// The first so many of `PEOPLE` are rowers; the others are in Kisi for other reasons.
const ROWERS: usize = 28;

/// The rowers as in the section's member list: name and e-mail address.
pub fn rowers() -> impl Iterator<Item = (&'static str, &'static str)> {
    PEOPLE.into_iter().take(ROWERS)
}

/// The example organization, plus history.
pub fn lived_in(clock: Clock, key: String) -> Sandbox {
    let sandbox = example(clock, key);
    let users: Vec<i64> = PEOPLE
        .iter()
        .map(|(name, email)| sandbox.add_user(email, name))
        .collect();
    let rowing = rowing(&sandbox, &users);
    others(&sandbox, &users, rowing);
    odd_groups(&sandbox, &users);
    sandbox
}

/// The rowers' group: most assignments have no window; some have one, some have ended or begin later. The coach is its manager,
/// one user's access is switched off, and some former members were never removed.
fn rowing(sandbox: &Sandbox, users: &[i64]) -> i64 {
    let boathouse = sandbox.add_place("Boathouse", "Europe/Berlin");
    let gate = sandbox.add_lock(boathouse, "Boathouse gate");
    let lockers = sandbox.add_lock(boathouse, "Locker room");
    let group = sandbox.add_group(ROWING, Some(boathouse), &[gate, lockers]);
    for (nth, user) in users.iter().enumerate().take(36) {
        let day = |days| Some(days_from(sandbox.now(), days));
        let (from, until) = match nth {
            22 => (None, day(40)),
            23 => (day(-700), day(90)),
            24 => (day(-3), day(300)),
            25 => (day(-900), day(-200)),
            26 => (None, day(-20)),
            27 => (day(10), None),
            _ => (None, None),
        };
        let id = sandbox.add_assignment(*user, group, from, until);
        if nth == ROWERS {
            sandbox.set_role(id, "group_manager");
        }
    }
    for (_, email) in PEOPLE.iter().skip(ROWERS + 1).take(1) {
        sandbox.set_access_enabled(email, false);
    }
    group
}

/// Cleaners, and people with roles on a place or on the organization.
fn others(sandbox: &Sandbox, users: &[i64], rowing: i64) {
    let front = sandbox.lock_named("Front door");
    let gate = sandbox.lock_named("Boathouse gate");
    let doors: Vec<i64> = front.into_iter().chain(gate).collect();
    let cleaners = sandbox.add_group("Cleaners – do not touch!!", None, &doors);
    let staff = sandbox.group_named("Staff");
    for user in users.iter().skip(36).take(3) {
        sandbox.add_assignment(*user, cleaners, None, None);
        sandbox.add_assignment(*user, rowing, None, None);
    }
    let roles = [
        (Some(1), "place_basic"),
        (None, "organization_basic"),
        (None, "organization_administrator"),
        (Some(1), "place_access_manager"),
        (None, "organization_observer"),
    ];
    for (user, (place, role)) in users.iter().skip(39).zip(roles) {
        sandbox.add_role(*user, place, role);
        if let Some(staff) = staff {
            sandbox.add_assignment(*user, staff, None, None);
        }
    }
}

/// Groups of unclear purpose. Many users are in several of them, and some have several assignments to the same group.
fn odd_groups(sandbox: &Sandbox, users: &[i64]) {
    let front = sandbox.lock_named("Front door");
    let doors: Vec<i64> = front.into_iter().collect();
    let names = [
        "MEMBERS (old, 2016)",
        "  Früh-Schwimmen 🏊 ",
        "Клуб «Гребля» / 漕艇部",
        "zz test – DELETE?",
    ];
    let groups = names.map(|name| sandbox.add_group(name, None, &doors));
    for (nth, user) in users.iter().enumerate().skip(44) {
        for (number, group) in groups.iter().enumerate() {
            if nth % (number + 2) != 0 {
                continue;
            }
            let ended = days_from(sandbox.now(), -30 * i64::try_from(nth).unwrap_or_default());
            sandbox.add_assignment(*user, *group, None, None);
            // Kisi accepts a second assignment with another window.
            sandbox.add_assignment(*user, *group, None, Some(ended));
        }
    }
}

/// Midnight UTC, this many days from today.
fn days_from(now: Timestamp, days: i64) -> Timestamp {
    const DAY: i64 = 86_400;
    let today = now.as_second() - now.as_second().rem_euclid(DAY);
    let today = Timestamp::from_second(today).unwrap_or(now);
    today + SignedDuration::from_secs(days.saturating_mul(DAY))
}
