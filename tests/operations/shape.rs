//! Whether the dashboards are whole and readable. Pure: the files and nothing else.

use std::collections::BTreeSet;

use crate::board::{Board, Place};

impl Place {
    fn overlaps(self, other: Self) -> bool {
        self.x < other.x + other.w
            && other.x < self.x + self.w
            && self.y < other.y + other.h
            && other.y < self.y + self.h
    }
}

#[test]
fn no_panel_lies_on_another_or_outside() {
    for (name, board) in Board::all() {
        for (index, panel) in board.panels.iter().enumerate() {
            let place = panel.grid_pos;
            assert!(place.w > 0 && place.h > 0 && place.x + place.w <= 24, "{name}: {} is outside", panel.title);
            for other in &board.panels[..index] {
                assert!(!place.overlaps(other.grid_pos), "{name}: {} lies on {}", panel.title, other.title);
            }
        }
    }
}

#[test]
fn places_that_share_a_cell_overlap_and_neighbours_do_not() {
    let place = |x, y, w, h| Place { x, y, w, h };
    assert!(place(0, 0, 8, 8).overlaps(place(7, 7, 8, 8)));
    assert!(!place(0, 0, 8, 8).overlaps(place(8, 0, 8, 8)));
    assert!(!place(0, 0, 8, 8).overlaps(place(0, 8, 8, 8)));
}

#[test]
fn every_panel_says_what_it_shows_and_in_which_unit() {
    for (name, board) in Board::all() {
        for panel in board.shown() {
            let title = &panel.title;
            assert!(panel.description.len() > 15, "{name}: {title} has no description");
            assert!(!panel.field_config.defaults.unit.is_empty(), "{name}: {title} has no unit");
            assert!(!panel.targets.is_empty(), "{name}: {title} asks for nothing");
            let drawn = panel.targets.iter().filter(|_| panel.kind == "timeseries");
            for target in drawn {
                assert!(!target.legend_format.is_empty(), "{name}: {title} draws series without a name");
            }
        }
    }
}

#[test]
fn ids_and_titles_are_there_once() {
    let boards = Board::all();
    let uids: BTreeSet<_> = boards.iter().map(|(_, board)| &board.uid).collect();
    assert_eq!(uids.len(), boards.len());
    for (name, board) in &boards {
        let ids: BTreeSet<_> = board.panels.iter().map(|panel| panel.id).collect();
        assert_eq!(ids.len(), board.panels.len(), "{name}");
        let titles: BTreeSet<_> = board.shown().map(|panel| &panel.title).collect();
        assert_eq!(titles.len(), board.shown().count(), "{name}: two panels bear one title");
    }
}

/// A rate over less than two scrapes has no value, and `$__rate_interval` is never less.
#[test]
fn every_range_follows_the_scrape_interval() {
    for (name, board) in Board::all() {
        for target in board.shown().flat_map(|panel| &panel.targets) {
            let ranges = target.expr.matches('[').count();
            let following = target.expr.matches("[$__rate_interval]").count();
            assert_eq!(ranges, following, "{name}: {}", target.expr);
        }
    }
}

#[test]
fn every_variable_is_used_and_every_used_one_is_there() {
    for (name, board) in Board::all() {
        let known: BTreeSet<_> = board.templating.list.iter().map(|variable| variable.name.as_str()).collect();
        assert_eq!(known, BTreeSet::from(["datasource", "instance", "language"]), "{name}");
        let text = std::fs::read_to_string(crate::board::path(name)).unwrap();
        for variable in known {
            let ways = [format!("${variable}"), format!("${{{variable}}}")];
            assert!(ways.iter().any(|way| text.contains(way)), "{name}: {variable} is of no use");
        }
    }
}
