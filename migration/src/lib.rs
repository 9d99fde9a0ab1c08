//! The database migrations, one file each, in the order in which they run. A released migration is never edited.

pub use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m20261122_000001_first;
mod m20261127_000001_write_probe;
mod m20261127_000004_suspicious_input;
mod m20261127_000020_folded_names;
mod m20261127_000030_unlocking;
mod m20261127_000040_take_over;
mod m20261127_000050_rounding;
mod m20261127_000060_one_question;
mod m20261127_000070_plain_names;
mod m20261127_000080_state_columns;
mod m20261128_000010_read_requests;
mod m20261128_000020_reader_options;
mod m20261128_000030_source_problems;
mod m20261128_000040_check_ins;
mod m20261128_000100_offering_groups;
mod m20261128_000100_other_senders;
mod m20261128_000200_processes;
mod m20261128_000200_retention;
mod m20261128_000210_erasure;
mod m20261128_000220_metrics;
mod m20261128_000230_delivery_status;
mod m20261128_000240_history_filters;
mod m20261128_000250_lists;
mod m20261128_000260_webhook_endpoints;
mod m20261128_000270_sign_in;
mod m20261129_000010_statistics;
mod table;

/// All migrations, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_first::Migration),
            Box::new(m20261127_000001_write_probe::Migration),
            Box::new(m20261127_000004_suspicious_input::Migration),
            Box::new(m20261127_000020_folded_names::Migration),
            Box::new(m20261127_000030_unlocking::Migration),
            Box::new(m20261127_000040_take_over::Migration),
            Box::new(m20261127_000050_rounding::Migration),
            Box::new(m20261127_000060_one_question::Migration),
            Box::new(m20261127_000070_plain_names::Migration),
            Box::new(m20261127_000080_state_columns::Migration),
            Box::new(m20261128_000010_read_requests::Migration),
            Box::new(m20261128_000020_reader_options::Migration),
            Box::new(m20261128_000030_source_problems::Migration),
            Box::new(m20261128_000040_check_ins::Migration),
            Box::new(m20261128_000100_other_senders::Migration),
            Box::new(m20261128_000100_offering_groups::Migration),
            Box::new(m20261128_000200_processes::Migration),
            Box::new(m20261128_000200_retention::Migration),
            Box::new(m20261128_000210_erasure::Migration),
            Box::new(m20261128_000220_metrics::Migration),
            Box::new(m20261128_000230_delivery_status::Migration),
            Box::new(m20261128_000240_history_filters::Migration),
            Box::new(m20261128_000250_lists::Migration),
            Box::new(m20261128_000260_webhook_endpoints::Migration),
            Box::new(m20261128_000270_sign_in::Migration),
            Box::new(m20261129_000010_statistics::Migration),
        ]
    }
}
