-- Health of a device for Argo CD. Offline devices are healthy: their documents wait for them at the broker.
local status = obj.status
if status == nil or status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "the operator has not looked at this generation yet"}
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

-- No word of who is online: that changes all the time, and is no matter of Git.
local function answer(health, condition)
  local message = condition.reason
  if condition.message ~= nil and condition.message ~= "" then
    message = message .. ": " .. condition.message
  end
  return {status = health, message = message}
end

local stalled = conditions.Stalled
if stalled ~= nil and stalled.status == "True" then
  return answer("Degraded", stalled)
end
local ready = conditions.Ready
if ready == nil then
  return {status = "Progressing", message = "the device has no condition Ready yet"}
end
if ready.status == "True" then
  return answer("Healthy", ready)
end
return answer("Progressing", ready)
