/* gateway.c: reads the variables that a web server sets for a CGI program. */
#include "lib/http/gateway.h"

#include <stdlib.h>

enum gateway
gateway_look(void)
{
	if (getenv("REQUEST_METHOD") != NULL)
		return GATEWAY_REQUEST;
	return getenv("GATEWAY_INTERFACE") != NULL ? GATEWAY_PARTIAL
						   : GATEWAY_NONE;
}

int
gateway_refuse(struct err *err)
{
	if (gateway_look() == GATEWAY_NONE)
		return 0;
	return err_set(err, ERR_USAGE,
	    "started as a CGI program (GATEWAY_INTERFACE or REQUEST_METHOD is "
	    "set), where a client of the web server chooses the arguments: "
	    "move it out of the folders that the web server starts programs "
	    "from; a script that runs it begins the command with \"env -u "
	    "GATEWAY_INTERFACE -u REQUEST_METHOD\"");
}
