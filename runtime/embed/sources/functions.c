const char *$NAME$_message(int code) {
    static const char *const messages[] = {"all is well", $MESSAGES$};
    const int codes = (int)(sizeof messages / sizeof *messages);
    return code > 0 || code <= -codes ? "no such code" : messages[-code];
}

const char *$NAME$_level(void) {
    const int level = chosen_level();
    return level < 0 ? "none" : level_names[level];
}

int $NAME$_interface(void) {
    return $MACRO$_INTERFACE;
}

int $NAME$_fingerprint(void) {
    return $MACRO$_FINGERPRINT;
}
