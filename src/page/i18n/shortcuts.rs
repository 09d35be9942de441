//! Words of the hotkeys.

pub struct Shortcuts {
    pub title: &'static str,
    /// In the order of `shortcuts::KEYS`.
    pub does: [&'static str; 7],
    pub on: &'static str,
}

pub static ENGLISH: Shortcuts = Shortcuts {
    title: "Keyboard shortcuts",
    does: [
        "choose a photo",
        "overlay, photo, heatmap, side by side",
        "the next likely class",
        "save as PNG",
        "guided tour",
        "中文",
        "this list",
    ],
    on: "Use these shortcuts (never while you type)",
};

pub static CHINESE: Shortcuts = Shortcuts {
    title: "键盘快捷键",
    does: [
        "选择照片",
        "叠加、照片、热力图、并排",
        "下一个可能的类别",
        "保存 PNG",
        "导览",
        "English",
        "这个列表",
    ],
    on: "启用快捷键；输入文字时不起作用",
};
