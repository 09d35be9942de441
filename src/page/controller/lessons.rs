//! The list of lessons, and opening one.

use super::Controller;
use super::links::Link;
use crate::fault::Fault;
use crate::platform::fetch;
use gradlens::catalog::lessons::{self, Lesson};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::sync::Arc;

/// The list, relative to the page.
const LESSONS: &str = "lessons/lessons.json";

impl Controller {
    /// Fetches the list, unless it is there.
    pub fn load_lessons(self) {
        let list = self.state.teach.lessons;
        if list.with_untracked(|list| matches!(list, Some(Ok(_)))) {
            return;
        }
        list.set(None);
        spawn_local(async move {
            let read = async {
                let text = fetch::text(LESSONS).await?;
                let wrong =
                    |error: lessons::LessonsError| Fault::Lessons { detail: error.to_string() };
                Ok(Arc::new(lessons::parse(&text).map_err(wrong)?))
            };
            list.set(Some(read.await));
        });
    }

    /// Follows a lesson's link and goes up to the picture.
    pub fn open_lesson(self, lesson: &Lesson) {
        self.stop_camera();
        // The likeliest class, where the lesson names none.
        self.state.class.set(None);
        self.follow(&Link::parse(&lesson.link));
        if let Some(picture) = document().get_element_by_id("picture") {
            picture.scroll_into_view();
        }
    }
}
