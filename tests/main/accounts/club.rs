//! A club with several Kisi accounts, each an organization of its own with one group that is managed.

use actix_web::dev::ServerHandle;
use latchkey::sandbox::{Sandbox, Switches};
use serde_json::json;

use crate::support::{
    api::Source,
    event::email,
    switchboard::Switchboard,
    world::{World, connect_to, kisi},
};

/// One organization and the account that it is connected by.
pub struct House {
    pub sandbox: Sandbox,
    pub account: String,
    pub group: String,
    kisi_group: i64,
    url: String,
    server: ServerHandle,
}

/// See the module.
pub struct Club {
    pub source: Source,
    pub houses: Vec<House>,
    switchboard: Switchboard,
}

/// So many accounts, their groups managed and without rules.
pub async fn a_club(world: &mut World, accounts: usize) -> Club {
    let switchboard = Switchboard::start().await;
    world.stop().await;
    world.kisi_url.clone_from(&switchboard.url);
    world.start_again().await;
    let source = world.api.source("Front desk").await;
    let mut houses = Vec::new();
    for number in 0..accounts {
        let (sandbox, server, url) = kisi(&world.clock, None, true);
        let key = format!("key-{number}");
        let sandbox = sandbox.with_key(key.clone());
        // Sandboxes count alike, and bear one organization's number: each account is for another place of it.
        for other in 0..number {
            sandbox.add_place(&format!("Other house {other}"), "Europe/Berlin");
        }
        let place = sandbox.add_place("House", "Europe/Berlin");
        let door = sandbox.add_lock(place, "Door");
        // No two accounts may manage one group of one organization.
        for other in 0..number {
            sandbox.add_group(&format!("Others {number}.{other}"), None, &[door]);
        }
        let name = format!("Members {number}");
        let kisi_group = sandbox.add_group(&name, None, &[door]);
        switchboard.line(&key, &url);
        let account = connect_to(&world.api, &sandbox, Some(place)).await;
        let group = world.manage(&name).await;
        houses.push(House {
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
        houses,
        switchboard,
    }
}

impl House {
    /// Whoever has a membership may pass.
    pub async fn rule(&self, world: &World) -> String {
        world.rule(&self.group, json!([{ "membership": {} }])).await
    }

    /// How many assignments of somebody are open now.
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
    /// Gives an organization's owner another key: the one before is refused from now on.
    pub fn another_key(&self, house: usize, key: &str) -> String {
        let house = &self.houses[house];
        self.switchboard.line(key, &house.url);
        let sandbox = house.sandbox.clone().with_key(key.to_owned());
        sandbox.api_key()
    }

    pub async fn close(self) {
        for house in self.houses {
            house.server.stop(false).await;
        }
    }
}
