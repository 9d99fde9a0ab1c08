//! A club with several Kisi accounts, each for an organization of its own with one managed group.

use actix_web::dev::ServerHandle;
use latchkey_sandbox::{Sandbox, Switches};
use serde_json::json;

use crate::support::{
    api::Source,
    event::email,
    switchboard::KisiRouter,
    world::{World, connect_to, kisi},
};

/// One organization and the account that connects it.
pub struct Organization {
    pub sandbox: Sandbox,
    pub account: String,
    pub group: String,
    kisi_group: i64,
    url: String,
    server: ServerHandle,
}

pub struct Club {
    pub source: Source,
    pub organizations: Vec<Organization>,
    switchboard: KisiRouter,
}

/// Creates a club with `accounts` accounts, whose groups are managed and have no rules.
pub async fn a_club(world: &mut World, accounts: usize) -> Club {
    let switchboard = KisiRouter::start().await;
    world.stop().await;
    world.kisi_url.clone_from(&switchboard.url);
    world.start_again().await;
    let source = world.api.source("Front desk").await;
    let mut houses = Vec::new();
    for number in 0..accounts {
        let (sandbox, server, url) = kisi(&world.clock, None, true);
        let key = format!("key-{number}");
        let sandbox = sandbox.with_key(key.clone());
        // All sandboxes count ids alike and have the same organization id, so each account is for another place of it.
        for other in 0..number {
            sandbox.add_place(&format!("Other place {other}"), "Europe/Berlin");
        }
        let place = sandbox.add_place("Clubhouse", "Europe/Berlin");
        let door = sandbox.add_lock(place, "Door");
        // Two accounts must not manage the same group of an organization, so extra groups move the ids apart.
        for other in 0..number {
            sandbox.add_group(&format!("Others {number}.{other}"), None, &[door]);
        }
        let name = format!("Members {number}");
        let kisi_group = sandbox.add_group(&name, None, &[door]);
        switchboard.line(&key, &url);
        let account = connect_to(&world.api, &sandbox, Some(place)).await;
        let group = world.manage(&name).await;
        houses.push(Organization {
            sandbox,
            account,
            group,
            kisi_group,
            url,
            server,
        });
    }
    world.settled().await;
    Club {
        source,
        organizations: houses,
        switchboard,
    }
}

impl Organization {
    /// Creates a rule that gives access to every membership.
    pub async fn rule(&self, world: &World) -> String {
        world.rule(&self.group, json!([{ "membership": {} }])).await
    }

    /// The number of a person's assignments that are in force now.
    pub fn open_assignments(&self, world: &World, who: &str) -> usize {
        let now = world.now();
        let rows = self.sandbox.assignments_of(&email(who));
        let open = rows.iter().filter(|row| {
            row.group == Some(self.kisi_group)
                && row.from.is_none_or(|from| from <= now)
                && row.until.is_none_or(|until| until > now)
        });
        open.count()
    }

    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        let mut switches = self.sandbox.switches();
        change(&mut switches);
        self.sandbox.set(switches);
    }
}

impl Club {
    /// Gives an organization's owner another API key; the previous one is refused from now on.
    pub fn another_key(&self, house: usize, key: &str) -> String {
        let house = &self.organizations[house];
        self.switchboard.line(key, &house.url);
        let sandbox = house.sandbox.clone().with_key(key.to_owned());
        sandbox.api_key()
    }

    pub async fn close(self) {
        for house in self.organizations {
            house.server.stop(false).await;
        }
    }
}
