#include "$NAME$.h"

/* In an object file of its own: whoever links the archive and gives memory of theirs has none of
   this, which a start and every thread would have to clear. */
int $NAME$_run($DECLARED$, int n) {
    static __thread unsigned char memory[$MOST_ROOM$];
    return $NAME$_run_in($PASSED$, n, memory, sizeof memory);
}
