//! Words about the visitor's own files: whether a reload brings them back.

pub struct OwnFiles {
    pub ask: &'static str,
    pub yes: &'static str,
    pub no: &'static str,
    /// Names.
    pub kept: &'static str,
    /// Between two names.
    pub between: &'static str,
    pub forget: &'static str,
    pub not_kept: &'static str,
}

pub static ENGLISH: OwnFiles = OwnFiles {
    ask: "Keep your files in this browser, so that a reload brings them back? They stay on this computer.",
    yes: "Keep them",
    no: "No",
    kept: "Kept in this browser: {}.",
    between: ", ",
    forget: "Forget them",
    not_kept: "Your files are gone after a reload.",
};

pub static CHINESE: OwnFiles = OwnFiles {
    ask: "要把你的文件保留在这个浏览器里，以便刷新后自动恢复吗？文件不会离开这台电脑。",
    yes: "保留",
    no: "不用",
    kept: "已保留在这个浏览器里：{}。",
    between: "、",
    forget: "清除",
    not_kept: "刷新页面后，你的文件不会保留。",
};
